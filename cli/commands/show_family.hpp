#pragma once
// A family with all its clones and the volumes that they share, as zynclone and vmclone show it.

#include "cli/session.hpp"

namespace zynclone::cli {

// Where the volumes cannot be told, that is said on standard error and all else shown. With --json the family's object has the list of
// volumes besides.
Result<ExitCode> show_family(Session& session, const protocol::Request& envelope = {});

}  // namespace zynclone::cli
