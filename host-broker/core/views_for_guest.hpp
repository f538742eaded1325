#pragma once
// What the host says of itself, made fit for a guest: never a path, a name of its volumes' groups, a domain's number, or what its tools
// print. Every error and every text that leaves to a guest comes by here. Pure.

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::broker {

// The same code. What is the requester's own matter stays as it is (a name in use, a wrong state, a limit), its place if that is in the
// request; what is the host's becomes a plain sentence without a place. `refused` says nothing at all.
Error for_guest(Error error);

// Is the error the host's matter, so that for_guest hides all of it?
bool is_of_host(Errc code);

// A text for people: of each path the last name is left, of a domain's number nothing.
std::string for_guest(std::string_view text);

}  // namespace zynclone::broker
