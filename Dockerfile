# The measured binary on distroless: no shell, no package manager, not root. CA roots come with the base image.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY config config
COPY src src
COPY benches benches
RUN cargo build --release --locked --bin passport-gateway

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/passport-gateway /usr/local/bin/passport-gateway
COPY --from=build /src/config/gateway.toml /etc/passport-gateway/gateway.toml
ENV PASSPORT_GATEWAY_CONFIG=/etc/passport-gateway/gateway.toml
EXPOSE 8080 9901
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/passport-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/passport-gateway"]
CMD ["run"]
