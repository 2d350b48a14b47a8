//! JSON patches, applied so that a small patch cannot make a huge object.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::status::Failure;

/// How many bytes the copies of a patch may have together: a few of them could fill the memory, each doubling the last.
const MAX_COPIED: usize = 3 * 1024 * 1024;
/// How deep a value may lie when it is put in place; bodies are not deeper either.
const MAX_DEPTH: usize = 128;

/// Applies the operations in their order. The value is the caller's own copy: what failed half-way is not undone.
pub(super) fn apply(operations: &[PatchOperation], value: &mut Value) -> Result<(), Failure> {
    let mut copied = 0;
    for operation in operations {
        check_depth(operation, value)?;
        if let PatchOperation::Copy(copy) = operation {
            let source = value.pointer(copy.from.as_str());
            copied += source.map_or(0, |source| source.to_string().len());
        }
        if copied > MAX_COPIED {
            return Err(Failure::too_large(format!(
                "The copies of a JSON patch may have {MAX_COPIED} bytes together"
            )));
        }
        json_patch::patch_unsafe(value, std::slice::from_ref(operation))
            .map_err(|_| Failure::unprocessable())?;
    }
    Ok(())
}

fn check_depth(operation: &PatchOperation, value: &Value) -> Result<(), Failure> {
    let at = |from: &str| value.pointer(from).map_or(0, depth);
    let below = match operation {
        PatchOperation::Add(add) => depth(&add.value),
        PatchOperation::Replace(replace) => depth(&replace.value),
        PatchOperation::Copy(copy) => at(copy.from.as_str()),
        PatchOperation::Move(r#move) => at(r#move.from.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
    };
    let above = operation.path().as_str().matches('/').count();
    if above + below > MAX_DEPTH {
        return Err(Failure::bad_request(format!(
            "a JSON patch may not nest values more than {MAX_DEPTH} levels deep"
        )));
    }
    Ok(())
}

/// How many levels a value has. It recurses as deep as the value, which is bounded.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
