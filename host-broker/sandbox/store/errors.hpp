#pragma once
// How the pretended XenStore fails: the errno values that xenstored puts on the wire by name (xsd_errors in xen/io/xs_wire.h).
// Inside the store they take the place of Error, because a client sees nothing but the name.

#include <cerrno>

#include "protocol/result.hpp"

namespace zynclone::sandbox {

enum class StoreError : int {
  invalid = EINVAL,
  no_access = EACCES,
  exists = EEXIST,
  no_entry = ENOENT,
  no_memory = ENOMEM,
  no_space = ENOSPC,
  not_implemented = ENOSYS,
  conflict = EAGAIN,
  too_big = E2BIG,
  not_permitted = EPERM,
};

template <class T>
using StoreResult = outcome::basic_result<T, StoreError, outcome::policy::terminate>;

}  // namespace zynclone::sandbox
