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
  auto devices = session.call(protocol::PeripheralList{}, envelope);
  if (!devices && devices.error().code == Errc::cancelled) return outcome::failure(std::move(devices).error());
  if (!devices) session.warn(devices.error());
  if (session.json()) {
    std::string shown = protocol::encode_view(family, 2);
    if (asked) shown = joined_json(shown, protocol::encode_view(listing, 2));
    if (devices) shown = joined_json(shown, protocol::encode_view(devices.value(), 2));
    session.write_json(shown);
  } else {
    session.screen().write(family_text(family, listing.volumes, devices ? devices.value().peripherals : std::vector<protocol::PeripheralView>()));
  }
  return ExitCode::done;
}

}  // namespace zynclone::cli
