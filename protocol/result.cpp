#include "protocol/result.hpp"

namespace zynclone {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::malformed: return "malformed";
    case Errc::too_large: return "too-large";
    case Errc::unsupported_version: return "unsupported-version";
    case Errc::unknown_method: return "unknown-method";
    case Errc::invalid_argument: return "invalid-argument";
    case Errc::refused: return "refused";
    case Errc::not_found: return "not-found";
    case Errc::already_exists: return "already-exists";
    case Errc::conflict: return "conflict";
    case Errc::busy: return "busy";
    case Errc::limit_exceeded: return "limit-exceeded";
    case Errc::rate_limited: return "rate-limited";
    case Errc::no_space: return "no-space";
    case Errc::timed_out: return "timed-out";
    case Errc::unavailable: return "unavailable";
    case Errc::moved: return "moved";
    case Errc::denied: return "denied";
    case Errc::expired: return "expired";
    case Errc::cancelled: return "cancelled";
    case Errc::configuration: return "configuration";
    case Errc::storage: return "storage";
    case Errc::xen: return "xen";
    case Errc::system: return "system";
    case Errc::internal: return "internal";
  }
  return "internal";
}

Errc parse_errc(std::string_view text) {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    if (to_string(static_cast<Errc>(code)) == text) return static_cast<Errc>(code);
  }
  return Errc::internal;
}

}  // namespace zynclone
