#pragma once
// JSON as the command lines print it: in ASCII, whatever a guest or a host wrote into a text, so that no terminal, pager or log reads a control
// character (U+007F, U+009B) or a change of direction (U+202E) in it. It means the same as on the wire. Pure.

#include <string>
#include <string_view>

namespace zynclone::cli {

// JSON text, UTF-8, with all from U+007F on written as \uXXXX; beyond U+FFFF as a pair. What is no UTF-8 becomes \ufffd.
std::string ascii_json(std::string_view json);

// Two JSON objects, as protocol::encode_view writes them with an indent, as one with the fields of both.
std::string joined_json(std::string_view object, std::string_view other);

}  // namespace zynclone::cli
