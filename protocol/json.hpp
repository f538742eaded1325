#pragma once
// JSON text to a tree, with every limit of protocol/limits.hpp enforced while it is read. Internal to protocol/; nothing else sees
// nlohmann/json.

#include <nlohmann/json.hpp>

#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::protocol {

using Json = nlohmann::ordered_json;  // keeps the order of fields, so that golden vectors are stable

// Errors: too_large; malformed with the byte offset, for text that is no JSON or no UTF-8, nests too deep, has too many values, a key twice,
// or an interior NUL.
Result<Json> parse_json(std::string_view untrusted_text);

// One line, or indented; never throws: what is not UTF-8 is replaced.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace zynclone::protocol
