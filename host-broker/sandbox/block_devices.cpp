#include "host-broker/sandbox/block_devices.hpp"

#include <charconv>

#include "host-broker/sandbox/control_client.hpp"
#include "host-broker/sandbox/domain_spec.hpp"

namespace zynclone::sandbox {
namespace {

using broker::Attachment;

constexpr std::chrono::seconds k_answer_limit{10};  // beyond what the work itself may take

// "number,device"
Result<Attachment> parse_attachment(const std::string& text) {
  Attachment attachment;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), attachment.domain.value);
  if (error != std::errc() || end == text.data() + text.size() || *end != ',')
    return fail(Errc::malformed, "cannot read the sandbox's answer: '" + printable(text) + "' is no attachment");
  attachment.device = std::string(end + 1, text.data() + text.size());
  return attachment;
}

}  // namespace

asio::awaitable<Result<std::vector<Attachment>>> SandboxBlockDevices::attachments_of(broker::Volume volume) {
  ControlMessage request("list-attachments");
  request.set("path", volume.path);
  CO_TRY(const auto reply, co_await ask_control(layout_.control_socket(), std::move(request)));
  std::vector<Attachment> attachments;
  for (const std::string& text : reply.get_list("attachment")) {
    CO_TRY(auto attachment, parse_attachment(text));
    attachments.push_back(std::move(attachment));
  }
  co_return attachments;
}

asio::awaitable<Result<void>> SandboxBlockDevices::attach(DomainId domain, broker::VmDisk disk) {
  CO_TRY(const auto attachments, co_await attachments_of(disk.volume));
  for (const Attachment& other : attachments) {
    if (other.domain == domain && other.device == disk.device) co_return outcome::success();
    co_return fail(Errc::conflict, "cannot attach '" + printable(disk.volume.path) + "' to domain " + std::to_string(domain.value) + " as '" +
                                       printable(disk.device) + "': domain " + std::to_string(other.domain.value) + " has it as '" +
                                       printable(other.device) + "'");
  }
  ControlMessage request("attach-disk");
  request.set("domain", std::to_string(domain.value));
  request.set("disk", disk_text(disk));
  CO_TRY(co_await ask_control(layout_.control_socket(), std::move(request)));
  co_return outcome::success();
}

asio::awaitable<Result<void>> SandboxBlockDevices::detach(DomainId domain, broker::VmDisk disk, broker::Detach how, Deadline limit) {
  ControlMessage request("detach-disk");
  request.set("domain", std::to_string(domain.value));
  request.set("device", disk.device);
  request.set("path", disk.volume.path);
  request.set("how", how == broker::Detach::force ? "force" : "ask");
  request.set("limit", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + "ms");
  auto detached = co_await ask_control(layout_.control_socket(), std::move(request), limit + k_answer_limit);
  if (!detached && detached.error().code != Errc::not_found) co_return detached.error();
  co_return outcome::success();
}

}  // namespace zynclone::sandbox
