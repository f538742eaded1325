#include "host-broker/xen/qemu_monitor.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <sys/un.h>
#include <optional>

#include "protocol/names.hpp"

namespace zynclone::broker::xen {
namespace {

using Json = nlohmann::json;
using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t k_longest_answer = 4 << 20;  // bytes; a domain has some dozens of block nodes of about 1 KiB

class Monitor {
 public:
  Monitor(asio::any_io_executor executor) : socket_(executor) {}

  asio::awaitable<Result<void>> open(std::string path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) co_return fail(Errc::xen, "the path of the control socket is too long");
    const asio::local::stream_protocol::endpoint endpoint(path);
    boost::system::error_code error;
    co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(Errc::xen, "no QEMU serves this domain at '" + printable(path) + "': " + error.message());
    CO_TRY(const Json greeting, co_await read());
    if (!greeting.contains("QMP")) co_return fail(Errc::xen, "what answers at '" + printable(path) + "' is no QEMU");
    CO_TRY(co_await execute("qmp_capabilities", Json::object()));
    co_return outcome::success();
  }

  asio::awaitable<Result<Json>> execute(std::string command, Json arguments) {
    Json request = {{"execute", command}, {"arguments", std::move(arguments)}};
    const std::string line = request.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(line), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(Errc::xen, "QEMU is gone: " + error.message());
    while (true) {
      CO_TRY(Json answer, co_await read());
      if (answer.contains("event")) continue;  // may come at any time
      if (answer.contains("return")) co_return std::move(answer["return"]);
      const Json& cause = answer["error"];
      const bool explained = cause.is_object() && cause.contains("desc") && cause["desc"].is_string();
      co_return fail(Errc::xen, "QEMU refuses " + command + (explained ? ": " + printable(cause["desc"].get<std::string>()) : ""));
    }
  }

 private:
  // The next line that is a JSON object.
  asio::awaitable<Result<Json>> read() {
    while (true) {
      const auto end = pending_.find('\n');
      if (end != std::string::npos) {
        Json value = Json::parse(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        pending_.erase(0, end + 1);
        if (!value.is_object()) co_return fail(Errc::xen, "QEMU's answer is not understood");
        co_return value;
      }
      if (pending_.size() > k_longest_answer) co_return fail(Errc::xen, "QEMU's answer is too long");
      char buffer[8192];
      boost::system::error_code error;
      const std::size_t count = co_await socket_.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return fail(Errc::xen, "QEMU is gone: " + error.message());
      pending_.append(buffer, count);
    }
  }

  Socket socket_;
  std::string pending_;
};

// A name for the new layer's node that a repeated call finds again: the file's own number. QEMU allows 31 characters.
Result<std::string> node_name_of(const std::string& image) {
  struct stat status {};
  if (::stat(image.c_str(), &status) != 0) return fail(Errc::xen, "'" + printable(image) + "' cannot be looked at: " + std::strerror(errno));
  char name[32];
  std::snprintf(name, sizeof name, "zynclone-%llx", static_cast<unsigned long long>(status.st_ino) & 0xffffffffffffull);
  return std::string(name);
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_writing_to(const Json& node, const std::string& image) {
  const auto read_only = node.find("ro");
  return text_of(node, "drv") == "qcow2" && text_of(node, "file") == image && read_only != node.end() && read_only->is_boolean() &&
         !read_only->get<bool>();
}

asio::awaitable<Result<void>> talk(std::string socket, std::string image) {
  CO_TRY(const auto layer, node_name_of(image));
  Monitor monitor(co_await asio::this_coro::executor);
  CO_TRY(co_await monitor.open(socket));
  Json question = {{"flat", true}};
  CO_TRY(const Json nodes, co_await monitor.execute("query-named-block-nodes", std::move(question)));
  std::string writing;
  for (const Json& node : nodes) {
    if (!node.is_object()) continue;
    if (text_of(node, "node-name") == layer) co_return outcome::success();
    if (is_writing_to(node, image)) writing = text_of(node, "node-name");
  }
  if (writing.empty()) co_return fail(Errc::xen, "QEMU does not write to '" + printable(image) + "'");
  Json change = {{"node-name", writing}, {"snapshot-file", image}, {"snapshot-node-name", layer}, {"format", "qcow2"}, {"mode", "existing"}};
  CO_TRY(co_await monitor.execute("blockdev-snapshot-sync", std::move(change)));
  co_return outcome::success();
}

// "xenusb-1-3"; a controller is "xenusb-0".
std::optional<UsbAddress> usb_address_of(std::string_view name) {
  constexpr std::string_view k_prefix = "xenusb-";
  if (!name.starts_with(k_prefix)) return std::nullopt;
  name.remove_prefix(k_prefix.size());
  UsbAddress usb;
  const char* const end = name.data() + name.size();
  const auto bus = std::from_chars(name.data(), end, usb.bus);
  if (bus.ec != std::errc() || bus.ptr == end || *bus.ptr != '-') return std::nullopt;
  const auto address = std::from_chars(bus.ptr + 1, end, usb.address);
  return address.ec == std::errc() && address.ptr == end ? std::optional(usb) : std::nullopt;
}

asio::awaitable<Result<unsigned>> take_unplugged(std::string socket, std::vector<UsbAddress> plugged) {
  Monitor monitor(co_await asio::this_coro::executor);
  CO_TRY(co_await monitor.open(socket));
  Json question = {{"path", "/machine/peripheral"}};
  CO_TRY(const Json devices, co_await monitor.execute("qom-list", std::move(question)));
  unsigned removed = 0;
  for (const Json& device : devices) {
    const std::string name = device.is_object() ? text_of(device, "name") : std::string();
    const auto usb = usb_address_of(name);
    if (!usb || std::find(plugged.begin(), plugged.end(), *usb) != plugged.end()) continue;
    Json one = {{"id", name}};
    CO_TRY(co_await monitor.execute("device_del", std::move(one)));
    ++removed;
  }
  co_return removed;
}

}  // namespace

asio::awaitable<Result<unsigned>> remove_unplugged_usb(std::string socket, std::vector<UsbAddress> plugged, Deadline limit) {
  return with_timeout(take_unplugged(std::move(socket), std::move(plugged)), limit, "the conversation with QEMU");
}

asio::awaitable<Result<void>> switch_to_layer(std::string socket, std::string image, Deadline limit) {
  return with_timeout(talk(std::move(socket), std::move(image)), limit, "the conversation with QEMU");
}

}  // namespace zynclone::broker::xen
