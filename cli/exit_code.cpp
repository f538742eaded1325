#include "cli/exit_code.hpp"

#include <array>

namespace zynclone::cli {

ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument: return ExitCode::usage;
    case Errc::refused:
    case Errc::denied: return ExitCode::refused;
    case Errc::malformed:
    case Errc::too_large:
    case Errc::unsupported_version:
    case Errc::unknown_method:
    case Errc::unavailable: return ExitCode::unreachable;
    case Errc::timed_out:
    case Errc::expired: return ExitCode::time_limit;
    case Errc::not_found:
    case Errc::already_exists:
    case Errc::conflict:
    case Errc::busy:
    case Errc::limit_exceeded:
    case Errc::no_space:
    case Errc::rate_limited: return ExitCode::not_possible;
    case Errc::cancelled: return ExitCode::cancelled;
    case Errc::moved: return ExitCode::moved;
    case Errc::configuration:
    case Errc::storage:
    case Errc::xen:
    case Errc::system:
    case Errc::internal: return ExitCode::failed;
  }
  return ExitCode::failed;
}

ExitCode exit_code_of(const protocol::OperationView& operation) {
  switch (operation.state) {
    case protocol::OperationState::succeeded: return ExitCode::done;
    case protocol::OperationState::denied: return ExitCode::refused;
    case protocol::OperationState::expired: return ExitCode::time_limit;
    case protocol::OperationState::cancelled: return ExitCode::cancelled;
    default: break;
  }
  // The limit that turns a request away is the same one when it is noticed only as its turn comes.
  const bool is_limit = operation.error && operation.error->code == to_string(Errc::limit_exceeded);
  return is_limit ? exit_code_of(Errc::limit_exceeded) : ExitCode::failed;
}

std::string exit_code_table() {
  struct Row {
    ExitCode code;
    const char* meaning;
  };
  static constexpr std::array k_rows{
      Row{ExitCode::done, "done"},
      Row{ExitCode::failed, "the operation failed, or a check found mistakes"},
      Row{ExitCode::usage, "wrong usage, or a value that is not allowed"},
      Row{ExitCode::refused, "refused by policy, or denied by an approver"},
      Row{ExitCode::unreachable, "the service cannot be reached or understood"},
      Row{ExitCode::time_limit, "the time limit passed, or nobody approved in time"},
      Row{ExitCode::not_possible, "not possible now: not found, exists already, wrong state, busy, over a limit, no room"},
      Row{ExitCode::cancelled, "the operation was cancelled"},
      Row{ExitCode::moved, "this machine woke up as a clone meanwhile; ask again"},
      Row{ExitCode::interrupted, "interrupted; an operation that was waited for goes on"},
  };
  std::string text;
  for (const Row& row : k_rows) {
    std::string number = std::to_string(static_cast<int>(row.code));
    text += "  " + number + std::string(5 - number.size(), ' ') + row.meaning + '\n';
  }
  return text;
}

}  // namespace zynclone::cli
