#include "host-broker/xen/xl_block_devices.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include "host-broker/storage/file_use.hpp"
#include "host-broker/xen/render.hpp"
#include "host-broker/xen/xl_devices.hpp"
#include "host-broker/xen/xl_errors.hpp"
#include "system/log.hpp"

namespace zynclone::broker::xen {
namespace {

using xenstore::Store;
using Clock = std::chrono::steady_clock;

using xen::name_of;
std::string name_of(const VmDisk& disk) { return "'" + printable(disk.volume.path) + "'"; }
std::string home_of(DomainId domain) { return "/local/domain/" + std::to_string(domain.value); }
std::string milliseconds(Deadline time) { return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms"; }

Error cannot_attach(Errc code, DomainId domain, const VmDisk& disk, const std::string& cause) {
  return {code, "cannot attach " + name_of(disk) + " to " + name_of(domain) + " as '" + printable(disk.device) + "': " + cause};
}

Error cannot_detach(Errc code, DomainId domain, const VmDisk& disk, const std::string& cause) {
  return {code, "cannot detach " + name_of(disk) + " ('" + printable(disk.device) + "') from " + name_of(domain) + ": " + cause};
}

}  // namespace

const BlockBackend* XlBlockDevices::find(const View& view, DomainId domain, const VmDisk& disk) {
  const auto found = std::find_if(view.backends.begin(), view.backends.end(), [&](const BlockBackend& backend) {
    return backend.domain == domain && backend.device == disk.device && serves(backend, disk.volume);
  });
  return found == view.backends.end() ? nullptr : &*found;
}

// What keeps the disk from being attached. None: it is there already as asked, or nothing does.
std::optional<Error> XlBlockDevices::conflict(const View& view, DomainId domain, const VmDisk& disk) {
  for (const BlockBackend& backend : view.backends) {
    if (backend.is_refused) continue;
    const bool same_device = backend.domain == domain && backend.device == disk.device;
    const bool same_volume = serves(backend, disk.volume);
    if (same_device && same_volume && backend.writable != disk.writable)
      return cannot_attach(Errc::conflict, domain, disk, std::string("it is there already, but to be ") + (backend.writable ? "written" : "read only"));
    if (same_device == same_volume) continue;
    if (same_volume) return cannot_attach(Errc::conflict, domain, disk, name_of(backend.domain) + " has it as '" + printable(backend.device) + "'");
    return cannot_attach(Errc::conflict, domain, disk, "the domain has '" + printable(backend.target) + "' under this name");
  }
  return std::nullopt;
}

asio::awaitable<Result<XlBlockDevices::StorePointer>> XlBlockDevices::open() {
  const auto executor = co_await asio::this_coro::executor;
  auto work = [executor]() -> Result<StorePointer> {
    TRY(auto store, Store::open(executor));
    return std::make_shared<Store>(std::move(store));
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "opening XenStore");
}

asio::awaitable<Result<XlBlockDevices::View>> XlBlockDevices::look(StorePointer store, DomainId domain, Volume volume) {
  auto work = [store, domain, volume = std::move(volume), kernel = settings_.kernel_backends]() -> Result<View> {
    View view;
    TRY(const auto home, store->read(home_of(domain)));
    view.domain_is_there = home.has_value();
    TRY(view.backends, read_block_backends(*store, kernel, domain, volume));
    return view;
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking at the block backends");
}

// Gives what is left of the way: nothing, or what was seen last when the time was over.
asio::awaitable<Result<std::string>> XlBlockDevices::wait_until(StorePointer store, std::string watched, std::function<Result<std::string>()> missing,
                                                                Deadline limit) {
  const auto end = Clock::now() + limit;
  auto watch = [store, watched]() -> Result<void> {
    auto done = store->watch(watched, "block");
    if (!done && done.error().code == Errc::already_exists) return outcome::success();  // an earlier wait's of this store
    return done;
  };
  CO_TRY(co_await run_blocking_within(pool_, std::move(watch), k_look_limit, "watching a block backend"));
  for (;;) {
    CO_TRY(auto left, co_await run_blocking_within(pool_, missing, k_look_limit, "looking at a block backend"));
    const auto now = Clock::now();
    if (left.empty() || now >= end) co_return left;
    const auto pause = std::min<Deadline>(k_device_look_again, end - now);
    const auto event = co_await with_timeout(store->next_event(), pause, "a block backend");
    if (!event && event.error().code != Errc::timed_out) co_return event.error();
  }
}

asio::awaitable<Result<void>> XlBlockDevices::wait_connected(StorePointer store, DomainId domain, std::string backend) {
  auto missing = [store, home = home_of(domain), backend]() -> Result<std::string> {
    TRY(const auto state, store->read(backend + "/state"));
    if (state == k_connected) return std::string();
    TRY(const auto there, store->read(home));
    if (!there) return fail(Errc::not_found, "the domain is gone");
    return state ? "the backend is in state " + printable(*state) : std::string("there is no backend");
  };
  CO_TRY(const auto left, co_await wait_until(store, backend, missing, settings_.attach_limit));
  if (left.empty()) co_return outcome::success();
  co_return fail(Errc::xen, "the guest did not connect within " + milliseconds(settings_.attach_limit) + " (" + left + ")");
}

asio::awaitable<Result<void>> XlBlockDevices::wait_gone(StorePointer store, BlockBackend backend, Deadline limit) {
  const std::string device = std::to_string(backend.domain.value) + "/device/vbd/" + backend.number;
  const std::string kernel = settings_.kernel_backends + "/vbd-" + std::to_string(backend.domain.value) + "-" + backend.number;
  auto missing = [store, backend, device, kernel]() -> Result<std::string> {
    TRY(const auto state, backend.path.empty() ? Result<std::optional<std::string>>(std::nullopt) : store->read(backend.path + "/state"));
    if (state) return "its backend is in state " + printable(*state);
    TRY(const auto kept, store->read("/libxl/" + device));
    if (kept) return std::string("the toolstack still has it");
    // The kernel closes the device only after its nodes have gone.
    if (::access(kernel.c_str(), F_OK) == 0) return std::string("the kernel still serves it");
    if (backend.kind == "qdisk" && storage::file_use(backend.target).written) return std::string("a process still has it open");
    return std::string();
  };
  const std::string watched = backend.path.empty() ? "/libxl/" + device : backend.path;
  CO_TRY(const auto left, co_await wait_until(store, watched, missing, limit));
  if (left.empty()) co_return outcome::success();
  co_return fail(Errc::timed_out, left + " after " + milliseconds(limit));
}

asio::awaitable<Result<bool>> XlBlockDevices::has_been_asked(StorePointer store, BlockBackend backend) {
  auto work = [store, path = backend.path]() -> Result<bool> {
    if (path.empty()) return false;
    TRY(const auto state, store->read(path + "/state"));
    return !state || *state == k_closing || *state == k_closed;
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking at a block backend");
}

asio::awaitable<Result<std::vector<Attachment>>> XlBlockDevices::attachments_of(Volume volume) {
  programs_.make_later(co_await asio::this_coro::executor);
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look(store, DomainId{0}, volume));
  std::vector<Attachment> attachments;
  for (const BlockBackend& backend : view.backends)
    if (!backend.is_refused && serves(backend, volume)) attachments.push_back({.domain = backend.domain, .device = backend.device});
  co_return attachments;
}

asio::awaitable<Result<void>> XlBlockDevices::run_program(std::vector<std::string> arguments, Deadline limit) {
  const auto executor = co_await asio::this_coro::executor;
  const std::string what = arguments.front();
  CO_TRY(const auto program, programs_.take(executor));
  const auto done = co_await program->run(std::move(arguments), limit);
  programs_.make_later(executor);
  if (!done) co_return done.error();
  const ProcessOutput& ended = done.value();
  if (ended.status == 0) co_return outcome::success();
  const std::string cause = cause_of_failure(ended.errors);
  co_return fail(Errc::xen, "'" + what + "' ended with exit status " + std::to_string(ended.status) + (cause.empty() ? "" : ": " + cause));
}

// A QEMU serves what the kernel cannot. libxl starts one with a domain, and none later; xl block-attach says nothing of that.
asio::awaitable<Result<void>> XlBlockDevices::check_server(StorePointer store, DomainId domain, VmDisk disk) {
  if (disk.volume.format != VolumeFormat::qcow2) co_return outcome::success();
  auto work = [store, domain] { return store->read("/local/domain/0/device-model/" + std::to_string(domain.value) + "/state"); };
  CO_TRY(const auto state, co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking for a domain's QEMU"));
  if (state == "running") co_return outcome::success();
  co_return cannot_attach(Errc::xen, domain, disk, "the domain has no QEMU, which qcow2 needs; one is there when it was started with a qcow2 disk");
}

// What an attach that the block script refused, by whomever, has left under this name.
asio::awaitable<Result<void>> XlBlockDevices::clear_refused(StorePointer store, View view, DomainId domain, VmDisk disk) {
  for (const BlockBackend& backend : view.backends) {
    if (!backend.is_refused || backend.domain != domain || backend.device != disk.device) continue;
    CO_TRY(co_await take_away(store, backend, disk, Detach::force, settings_.attach_limit));
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> XlBlockDevices::make(StorePointer store, DomainId domain, VmDisk disk, std::string specification) {
  std::vector<std::string> arguments{"block-attach"};
  arguments.push_back(std::to_string(domain.value));
  arguments.push_back(std::move(specification));
  CO_TRY(co_await run_program(std::move(arguments), settings_.attach_limit));
  CO_TRY(const auto view, co_await look(store, domain, disk.volume));
  const BlockBackend* backend = find(view, domain, disk);
  if (backend == nullptr) co_return fail(Errc::xen, "no backend was made");
  co_return co_await wait_connected(store, domain, backend->path);
}

asio::awaitable<Result<void>> XlBlockDevices::attach(DomainId domain, VmDisk disk) {
  CO_TRY(auto specification, render_disk(disk, settings_.block_script));
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look(store, domain, disk.volume));
  if (const auto error = conflict(view, domain, disk)) co_return *error;
  if (!view.domain_is_there) co_return cannot_attach(Errc::not_found, domain, disk, "there is no such domain");
  if (::access(disk.volume.path.c_str(), F_OK) != 0) co_return cannot_attach(Errc::not_found, domain, disk, std::strerror(errno));
  CO_TRY(co_await check_server(store, domain, disk));
  CO_TRY(co_await clear_refused(store, view, domain, disk));

  const BlockBackend* there = find(view, domain, disk);
  Result<void> attached = outcome::success();
  if (there != nullptr && !there->is_refused) attached = co_await wait_connected(store, domain, there->path);
  else attached = co_await make(store, domain, disk, std::move(specification));
  if (attached) co_return outcome::success();
  // libxl leaves the nodes of a device that came to nothing.
  const auto undone = co_await detach(domain, disk, Detach::force, settings_.attach_limit);
  if (!undone) log_error(undone.error().message);
  co_return cannot_attach(attached.error().code == Errc::timed_out ? Errc::xen : attached.error().code, domain, disk, attached.error().message);
}

asio::awaitable<Result<void>> XlBlockDevices::detach(DomainId domain, VmDisk disk, Detach how, Deadline limit) {
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look(store, domain, disk.volume));
  const BlockBackend* backend = find(view, domain, disk);
  if (backend == nullptr) co_return outcome::success();
  co_return co_await take_away(store, *backend, std::move(disk), how, limit);
}

// Of a domain that dies while it is given a disk libxl forgets everything, but the backend's nodes stay, and libxl does not remove what it does not
// know. Gives whether it was so.
asio::awaitable<Result<bool>> XlBlockDevices::remove_remains(StorePointer store, BlockBackend backend) {
  if (backend.path.empty()) co_return false;
  auto work = [store, backend]() -> Result<bool> {
    bool removed = false;
    TRY(store->transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(const auto domain, transaction.read(home_of(backend.domain)));
      TRY(const auto known, transaction.read("/libxl/" + std::to_string(backend.domain.value) + "/device/vbd/" + backend.number));
      removed = !domain && !known;
      if (!removed) return outcome::success();
      return transaction.remove(backend.path);
    }));
    return removed;
  };
  CO_TRY(const bool were_remains, co_await run_blocking_within(pool_, work, k_look_limit, "looking at a block backend"));
  if (were_remains) log_info("removed '" + printable(backend.path) + "', the remains of a domain that is gone");
  co_return were_remains;
}

// A guest of Linux 5.15 or later gives the device up at once when it is asked, also one that it has mounted: what asks must know that it has
// not. Earlier ones and Windows keep it; xl waits for them for ten seconds and fails, and they may still give it up after that.
asio::awaitable<Result<void>> XlBlockDevices::take_away(StorePointer store, BlockBackend backend, VmDisk disk, Detach how, Deadline limit) {
  const auto end = Clock::now() + limit;
  CO_TRY(const bool were_remains, co_await remove_remains(store, backend));
  if (were_remains) {
    auto gone = co_await wait_gone(store, backend, limit);
    if (!gone) co_return cannot_detach(gone.error().code, backend.domain, disk, gone.error().message);
    co_return outcome::success();
  }
  std::vector<std::string> arguments{"block-detach"};
  if (how == Detach::force) arguments.push_back("--force");
  arguments.push_back(std::to_string(backend.domain.value));
  arguments.push_back(backend.number);
  const auto asked = co_await run_program(std::move(arguments), limit);
  CO_TRY(const bool is_closing, co_await has_been_asked(store, backend));
  const Deadline left = asked || is_closing ? std::max<Deadline>(end - Clock::now(), Deadline::zero()) : Deadline::zero();
  const auto gone = co_await wait_gone(store, backend, left);
  if (gone) co_return outcome::success();
  if (asked) co_return cannot_detach(gone.error().code, backend.domain, disk, gone.error().message);
  const Errc code = is_closing ? Errc::timed_out : asked.error().code;
  co_return cannot_detach(code, backend.domain, disk, gone.error().message + "; " + asked.error().message);
}

}  // namespace zynclone::broker::xen
