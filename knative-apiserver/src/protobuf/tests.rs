use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A field of text, bytes or a message.
fn part(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut length = bytes.len();
    let mut field = vec![number << 3 | 2];
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        field.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            break;
        }
    }
    field.extend(bytes);
    field
}

/// A field of a small number.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let types = [part(1, api_version), part(2, kind)].concat();
    [
        MAGIC.to_vec(),
        part(1, types),
        part(2, raw),
        part(3, ""),
        part(4, ""),
    ]
    .concat()
}

fn read(api_version: &str, kind: &str, raw: &[u8]) -> Result<Value, DecodeError> {
    decode(&Messages::new(), &enveloped(api_version, kind, raw))
}

/// Metadata as Go writes it: empty texts and the zero time included.
fn metadata(name: &str) -> Vec<u8> {
    [
        part(1, name),
        part(2, ""),
        part(3, ""),
        part(5, ""),
        part(6, ""),
        number(7, 0),
        part(8, ""),
    ]
    .concat()
}

#[test]
fn namespace_without_the_empty_fields() {
    let raw = [part(1, metadata("x")), part(2, ""), part(3, part(1, ""))].concat();
    assert_eq!(
        read("v1", "Namespace", &raw),
        Ok(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "x"}, "spec": {}, "status": {},
        }))
    );
}

#[test]
fn secret_with_bytes_and_empty_entries() {
    let raw = [
        part(1, metadata("s")),
        part(2, [part(1, "k"), part(2, [0, 255])].concat()),
        part(2, part(1, "empty")),
        part(3, "Opaque"),
        number(5, 0),
    ]
    .concat();
    assert_eq!(
        read("v1", "Secret", &raw),
        Ok(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"k": "AP8=", "empty": ""}, "type": "Opaque", "immutable": false,
        }))
    );
}

#[test]
fn deployment_with_pointers_inlined_handlers_and_quantities() {
    let port = [number(1, 1), number(2, 0), part(3, "http")].concat();
    let probe = [
        part(1, part(2, [part(1, "/"), part(2, port)].concat())),
        number(2, 0),
    ]
    .concat();
    let limits = part(1, [part(1, "cpu"), part(2, part(1, "100m"))].concat());
    let container = [
        part(1, "c"),
        part(2, "image"),
        part(3, "sh"),
        part(3, ""),
        part(8, limits),
        part(11, probe),
        vec![0x80, 1, 0],
        part(15, number(5, 0)),
    ]
    .concat();
    let template = [part(1, ""), part(2, part(2, container))].concat();
    let spec = [number(1, 0), part(3, template), number(5, 0)].concat();
    let raw = [part(1, metadata("d")), part(2, spec)].concat();
    assert_eq!(
        read("apps/v1", "Deployment", &raw),
        Ok(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {
                "replicas": 0,
                "template": {"metadata": {}, "spec": {"containers": [{
                    "name": "c", "image": "image", "command": ["sh", ""],
                    "resources": {"limits": {"cpu": "100m"}},
                    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    "securityContext": {"runAsNonRoot": false},
                }]}},
            },
        }))
    );
}

#[test]
fn times_and_negative_numbers() {
    let time = [8, 0x80, 0xc2, 0xd7, 0x2f, 16, 0];
    let negative = [
        vec![8 << 3],
        vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    ]
    .concat();
    let raw = [part(1, metadata("e")), part(6, time), negative].concat();
    assert_eq!(
        read("v1", "Event", &raw),
        Ok(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"},
            "firstTimestamp": "1973-03-03T09:46:40Z", "count": -1,
        }))
    );
}

#[test]
fn options_of_a_deletion() {
    let raw = [number(1, 0), part(2, part(1, "u")), part(4, "Background")].concat();
    assert_eq!(
        read("v1", "DeleteOptions", &raw),
        Ok(json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": {"uid": "u"}, "propagationPolicy": "Background",
        }))
    );
}

#[test]
fn refusals() {
    let messages = Messages::new();
    let cut = enveloped("v1", "Namespace", &part(1, metadata("x")));
    let rows: [(&[u8], DecodeError); 4] = [
        (b"{}", DecodeError::NoEnvelope),
        (&cut[..cut.len() - 9], DecodeError::Malformed),
        (b"k8s\0\x0b", DecodeError::Malformed),
        (
            &enveloped("v1", "Nothing", b""),
            DecodeError::UnknownKind {
                kind: "Nothing".to_owned(),
                api_version: "v1".to_owned(),
            },
        ),
    ];
    for (bytes, want) in rows {
        assert_eq!(decode(&messages, bytes), Err(want));
    }
}

proptest! {
    /// Whatever a client sends, it is read or refused.
    #[test]
    fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..256)) {
        let messages = Messages::new();
        for (api_version, kind) in [("v1", "Pod"), ("v1", "Service"), ("apps/v1", "Deployment")] {
            let _ = decode(&messages, &enveloped(api_version, kind, &raw));
        }
        let _ = decode(&messages, &raw);
        let _ = decode(&messages, &[MAGIC.to_vec(), raw].concat());
    }
}
