// zynclone-block add|remove: a hotplug script of a disk (xl-disk-configuration(5), `script`), which libxl starts with XENBUS_PATH. Stands in for
// Xen's own `block` where zynclone-broker attaches a block device, a shared volume or a clone's disk; see host-broker/xen/hotplug/hotplug_block.hpp.
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "host-broker/xen/hotplug/hotplug_block.hpp"

namespace {

int failed(const std::string& message) {
  std::fprintf(stderr, "zynclone-block: %s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  using namespace zynclone;
  const std::string_view action = count == 2 ? arguments[1] : "";
  const char* path = std::getenv("XENBUS_PATH");
  if ((action != "add" && action != "remove") || path == nullptr) {
    std::fputs("usage: XENBUS_PATH=backend/vbd/<domain>/<device> zynclone-block add|remove\n", stderr);
    return 2;
  }
  if (action == "remove") return 0;  // a block device was opened by nobody but the kernel, which closes it by itself
  asio::io_context context(1);
  auto store = xenstore::Store::open(context.get_executor());
  if (!store) return failed(store.error().message);
  const auto added = broker::xen::add_block_backend(store.value(), path);
  return added ? 0 : failed(added.error().message);
}
