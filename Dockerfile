# The measured binary on distroless: no shell, no package manager, not root; CA roots come with the base image. `make image` builds it.
#
# Images are pinned by version. For a build that can be repeated, pin them by digest: --build-arg BASE=gcr.io/distroless/cc-debian12@sha256:…
# Not built where the tests run, which have no container engine: what the tests hold is that every file copied here is there and sent.
# Size: the binary, at most 16 MiB, on a base of about 23 MB; under 40 MB is to be confirmed with `docker image ls` after a release build.
ARG RUST=rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST} AS build
WORKDIR /src
# What is in the binary, for whoever must know: a CycloneDX bill of materials of the locked dependencies.
RUN cargo install --locked --version 0.5.9 cargo-cyclonedx
COPY Cargo.toml Cargo.lock ./
COPY config config
COPY src src
COPY benches benches
# Built twice: the second time by a profile of what the first build did in a minute of its own work on loopback.
RUN benches/optimise
RUN cargo cyclonedx --format json --spec-version 1.5 --describe crate --override-filename sbom.cdx

FROM ${BASE}
COPY --from=build /src/target/optimised/passport-gateway /usr/local/bin/passport-gateway
COPY --from=build /src/config/gateway.toml /etc/passport-gateway/gateway.toml
COPY --from=build /src/sbom.cdx.json /usr/share/doc/passport-gateway/sbom.cdx.json
ENV PASSPORT_GATEWAY_CONFIG=/etc/passport-gateway/gateway.toml
# The base image's own `nonroot`, by number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080 9901
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/passport-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/passport-gateway"]
CMD ["run"]
