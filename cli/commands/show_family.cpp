#include "cli/commands/show_family.hpp"

#include "cli/json.hpp"
#include "cli/pages.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {

Result<ExitCode> show_family(Session& session, const protocol::Request& envelope) {
  TRY(const auto family, whole_family(session.caller(envelope)));
  auto asked = session.call(protocol::VolumeList{}, envelope);
  if (!asked && asked.error().code == Errc::cancelled) return outcome::failure(std::move(asked).error());
  if (!asked) session.warn(asked.error());
  const protocol::VolumeListing listing = asked ? std::move(asked).value() : protocol::VolumeListing();
  if (session.json()) {
    const std::string shown = protocol::encode_view(family, 2);
    session.write_json(asked ? joined_json(shown, protocol::encode_view(listing, 2)) : shown);
  } else {
    session.screen().write(family_text(family, listing.volumes));
  }
  return ExitCode::done;
}

}  // namespace zynclone::cli
