#include "tests/support/fake_block_devices.hpp"

#include <boost/asio/as_tuple.hpp>

#include <algorithm>

namespace zynclone::tests {

using broker::Attachment;

Result<void> FakeBlockDevices::begin(std::string call) {
  calls.push_back(call);
  if (!fails) return outcome::success();
  if (auto error = fails(call)) return *error;
  return outcome::success();
}

asio::awaitable<Result<std::vector<Attachment>>> FakeBlockDevices::attachments_of(broker::Volume volume) {
  ++looks;
  if (const auto held = hold_looks) co_await held->async_wait(asio::as_tuple(asio::use_awaitable));
  const auto found = attached.find(volume.path);
  co_return found == attached.end() ? std::vector<Attachment>() : found->second;
}

asio::awaitable<Result<void>> FakeBlockDevices::attach(DomainId domain, broker::VmDisk disk) {
  CO_TRY(begin("attach " + std::to_string(domain.value) + ' ' + disk.device));
  for (const auto& [path, domains] : attached) {
    for (const Attachment& other : domains) {
      if (path == disk.volume.path && other.domain == domain && other.device == disk.device) co_return outcome::success();
      if (path == disk.volume.path || (other.domain == domain && other.device == disk.device)) {
        co_return fail(Errc::conflict, "cannot attach '" + disk.volume.path + "': domain " + std::to_string(other.domain.value) + " has it as '" +
                                           other.device + "'");
      }
    }
  }
  auto& domains = attached[disk.volume.path];
  domains.push_back(Attachment{domain, disk.device});
  most_at_once = std::max(most_at_once, domains.size());
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeBlockDevices::detach(DomainId domain, broker::VmDisk disk, broker::Detach how, Deadline) {
  CO_TRY(begin("detach " + std::to_string(domain.value) + ' ' + disk.device + (how == broker::Detach::force ? " force" : " ask")));
  std::erase_if(attached[disk.volume.path], [&](const Attachment& other) { return other.domain == domain && other.device == disk.device; });
  co_return outcome::success();
}

}  // namespace zynclone::tests
