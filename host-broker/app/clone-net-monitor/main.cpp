// clone-net-monitor: applies the lockdown that is published in XenStore to the network interfaces of its own domain, and acknowledges it.

#include <CLI/CLI.hpp>

#include <boost/asio/io_context.hpp>

#include <filesystem>

#include "host-broker/monitors/command_line.hpp"
#include "host-broker/monitors/monitor_loop.hpp"
#include "host-broker/monitors/net_monitor.hpp"
#include "host-broker/network/kernel_bridges.hpp"
#include "host-broker/network/nftables_filter.hpp"
#include "host-broker/network/packet_announcer.hpp"
#include "host-broker/network/pretended_announcer.hpp"
#include "host-broker/network/pretended_bridges.hpp"
#include "host-broker/network/pretended_filter.hpp"
#include "system/log.hpp"

namespace {

using namespace zynclone;
using namespace zynclone::broker;

Result<std::unique_ptr<network::VifFilter>> make_filter(asio::io_context& context, const std::string& kind, const std::string& file) {
  std::unique_ptr<network::VifFilter> filter;
  if (kind == "pretended") {
    filter = std::make_unique<network::PretendedFilter>(file);
  } else {
    TRY(auto nftables, network::NftablesFilter::create(context.get_executor()));
    filter = std::make_unique<network::NftablesFilter>(std::move(nftables));
  }
  return filter;
}

std::unique_ptr<network::Announcer> make_announcer(const std::string& kind, const std::string& file) {
  if (kind != "pretended") return std::make_unique<network::PacketAnnouncer>();
  return std::make_unique<network::PretendedAnnouncer>(std::filesystem::path(file).parent_path() / "announced");
}

std::unique_ptr<network::IsolatedBridges> make_bridges(const std::string& kind, const std::string& file) {
  if (kind != "pretended") return std::make_unique<network::KernelBridges>();
  return std::make_unique<network::PretendedBridges>(std::filesystem::path(file).parent_path() / "bridges");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App line("Applies network lockdown where a domain's interfaces come out: in the network driver domain, or in the control domain.",
                "clone-net-monitor");
  std::string kind = "nftables";
  std::string file;
  line.add_option("--filter", kind, "what filters: the kernel, or nothing (the sandbox)")
      ->check(CLI::IsMember({"nftables", "pretended"}))
      ->capture_default_str()
      ->type_name("KIND");
  auto* state = line.add_option("--state", file, "where the pretended filter keeps its rules; what would be announced is in 'announced', isolated networks are in 'bridges' beside it")->type_name("FILE");
  monitors::LoopOptions options;
  monitors::add_loop_options(line, options);
  CLI11_PARSE(line, argc, argv);
  if ((kind == "pretended") != (state->count() > 0)) {
    log_error("cannot start: --state FILE goes with --filter pretended, and only with it");
    return EXIT_FAILURE;
  }

  asio::io_context context(1);
  auto filter = make_filter(context, kind, file);
  if (!filter) {
    log_error(filter.error().message);
    return EXIT_FAILURE;
  }
  auto monitor = std::make_shared<monitors::NetMonitor>(context.get_executor(), std::move(filter).value(), make_announcer(kind, file),
                                                         make_bridges(kind, file));
  return monitors::run_monitor("clone-net-monitor", context, std::move(monitor), options);
}
