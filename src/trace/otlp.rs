//! Spans as OTLP has them: protobuf's `ExportTraceServiceRequest` (opentelemetry-proto 1.x, `trace/v1`).
//!
//! Ten messages of a stable format, held against the official types in the tests.

use super::span::{Span, Value};

/// Protobuf's wire types that occur here.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;
/// Span flags (§ `SpanFlags`): the trace flags, of which one is known, and whether the parent is remote, which is known of all.
const SAMPLED: u32 = 1;
const PARENT_KNOWN: u32 = 0x100;
const PARENT_REMOTE: u32 = 0x200;

/// Encodes a batch of one gateway, which calls itself `instance`.
pub(super) fn encode(instance: &str, spans: &[Span]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            for (key, value) in
                [("service.name", "passport-gateway"), ("service.version", version), ("service.instance.id", instance)]
            {
                resource.message(1, |attribute| {
                    attribute.text(1, key).message(2, |any| {
                        any.text(1, value);
                    });
                });
            }
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.text(1, "passport-gateway").text(2, version);
            });
            for span in spans {
                scope_spans.message(2, |message| write(message, span));
            }
        });
    });
    request.0
}

fn write(message: &mut Message, span: &Span) {
    message.bytes(1, &span.context.trace).bytes(2, &span.context.span);
    if let Some(state) = &span.state {
        message.bytes(3, state.as_bytes());
    }
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    message.text(5, span.name.as_str()).integer(6, span.kind as u64).fixed_64(7, span.started).fixed_64(8, span.ended);
    for (key, value) in &span.attributes {
        message.message(9, |attribute| {
            attribute.text(1, key).message(2, |any| {
                match value {
                    Value::Fixed(text) => any.text(1, text),
                    Value::Shared(text) => any.text(1, text),
                    Value::Integer(integer) => any.integer(3, integer.cast_unsigned()),
                };
            });
        });
    }
    if span.failed {
        message.message(15, |status| {
            status.integer(3, ERROR);
        });
    }
    let remote = if span.kind == super::span::Kind::Server && span.parent.is_some() { PARENT_REMOTE } else { 0 };
    message.fixed_32(16, SAMPLED | PARENT_KNOWN | remote);
}

/// A protobuf message being written, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    fn integer(&mut self, field: u64, value: u64) -> &mut Self {
        self.key(field, VARINT);
        self.varint(value);
        self
    }

    fn fixed_64(&mut self, field: u64, value: u64) -> &mut Self {
        self.key(field, FIXED_64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn fixed_32(&mut self, field: u64, value: u32) -> &mut Self {
        self.key(field, FIXED_32);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(&mut self, field: u64, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}
