#include <charconv>

#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"
#include "host-broker/sandbox/bring_up.hpp"

namespace zynclone::sandbox {
namespace {

// "1GiB", "512MiB", "10TiB"; the image grows as it is written to, so that it may be larger than the disk under it.
Result<std::uint64_t> parse_size(const std::string& text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const unsigned shift = unit == "MiB" ? 20 : unit == "GiB" ? 30 : unit == "TiB" ? 40 : 0;
  if (error != std::errc() || shift == 0 || number == 0 || number > (std::uint64_t{16} << 40) >> shift)
    return fail(Errc::invalid_argument, "cannot use disk size '" + printable(text) + "': 1MiB to 16TiB is allowed");
  return number << shift;
}

Result<BringUpOptions> read(const UpOptions& options) {
  BringUpOptions read;
  TRY(read.disk_size, parse_size(options.disk_size));
  for (const std::string& text : options.vms) {
    TRY(auto vm, VmName::parse(text));
    read.vms.push_back(std::move(vm));
  }
  return read;
}

void explain(const Layout& layout, const std::vector<RunningOriginal>& originals) {
  const std::string folder = layout.folder().string();
  const std::string vm = originals.front().vm.text();
  std::printf(
      "\nReal: broker, journal, policy, monitors, agents, XenStore's protocol and rules, qcow2 disks.\n"
      "Pretended: the hypervisor (domains are processes, a pause is SIGSTOP), the channel (a Unix socket in the place of vchan),\n"
      "the network filter (rules are kept in %s/run/filter, no packet is filtered), freezing of file systems.\n"
      "\nTry:\n"
      "  zynclone-sandbox exec --dir %s %s -- zynclone clone create --mode online --name upgrade-1 --wait\n"
      "  zynclone-sandbox host --dir %s -- vmclone list\n"
      "  zynclone-sandbox domain list --dir %s\n"
      "  zynclone-sandbox down --dir %s\n",
      folder.c_str(), folder.c_str(), vm.c_str(), folder.c_str(), folder.c_str(), folder.c_str());
}

}  // namespace

int up(const std::string& folder, const UpOptions& options) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  auto wanted = read(options);
  if (!wanted) return show(wanted.error());
  const auto running = run_to_end(bring_up(layout.value(), std::move(wanted.value()), [](const std::string& line) {
    std::printf("  %s\n", printable(line).c_str());
    std::fflush(stdout);
  }));
  if (!running) return show(running.error());
  explain(layout.value(), running.value());
  return 0;
}

}  // namespace zynclone::sandbox
