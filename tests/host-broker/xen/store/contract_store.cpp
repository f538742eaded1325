#include "tests/host-broker/xen/store/contract_store.hpp"

#include <cstdlib>
#include <memory>
#include <unistd.h>

#include "tests/host-broker/sandbox/store/running_store.hpp"

extern "C" {
#include <xenstore.h>
}

namespace zynclone::xenstore {
namespace {

std::unique_ptr<sandbox::RunningStore> g_sandbox;

std::string_view in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string guests_socket() {
  const auto guest = in_environment("ZYNCLONE_XENSTORE_GUEST");
  return guest.find(':') == guest.npos ? std::string() : std::string(guest.substr(guest.find(':') + 1));
}

// Where libxenstore connects to from now on.
void use_host() {
  if (g_sandbox) ::setenv("XENSTORED_PATH", g_sandbox->socket_of({0}).c_str(), 1);
  else ::unsetenv("XENSTORED_PATH");
}
void use_guest() { ::setenv("XENSTORED_PATH", (g_sandbox ? g_sandbox->socket_of(k_guest) : guests_socket()).c_str(), 1); }

class Environment : public ::testing::Environment {
 public:
  void TearDown() override { g_sandbox.reset(); }
};

const auto* const g_environment = ::testing::AddGlobalTestEnvironment(new Environment);

Store must_open(asio::io_context& context) {
  auto store = Store::open(context.get_executor());
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    std::abort();
  }
  return std::move(store.value());
}

}  // namespace

DomainId guest_of_environment() {
  const auto guest = in_environment("ZYNCLONE_XENSTORE_GUEST");
  return DomainId{guest.empty() ? 5u : static_cast<std::uint32_t>(std::atoi(guest.data()))};
}

bool Contract::is_real_host() { return in_environment("ZYNCLONE_XENSTORE") == "host"; }
bool Contract::can_act_as_guest() { return !is_real_host() || !guests_socket().empty(); }

void Contract::start_sandbox() {
  if (g_sandbox || is_real_host()) return;
  g_sandbox = std::make_unique<sandbox::RunningStore>();
  g_sandbox->add_guest(k_guest);
  use_host();
}

void Contract::stop_sandbox() { g_sandbox.reset(); }

Contract::Contract()
    : store((start_sandbox(), must_open(context))), root("/zynclone-contract-" + std::to_string(::getpid())) {
  EXPECT_TRUE(store.remove(root));
}

Contract::~Contract() {
  if (!g_sandbox && !is_real_host()) return;  // this test has ended it
  EXPECT_TRUE(store.remove(root));
}

Store Contract::open() { return must_open(context); }

Store Contract::open_as_guest() {
  use_guest();
  Store guest = must_open(context);
  use_host();
  return guest;
}

std::string Contract::permissions_of(const std::string& path) {
  xs_handle* handle = xs_open(0);
  unsigned count = 0;
  xs_permissions* entries = xs_get_permissions(handle, XBT_NULL, path.c_str(), &count);
  std::string text;
  for (unsigned at = 0; entries != nullptr && at < count; ++at)
    text += (at == 0 ? "" : " ") + std::string(1, "nrwb"[entries[at].perms & (XS_PERM_READ | XS_PERM_WRITE)]) +
            (entries[at].id == k_guest.value ? "guest" : std::to_string(entries[at].id));
  std::free(entries);
  xs_close(handle);
  return text;
}

std::string Contract::next(Store& from) {
  const auto event = run(from.next_event());
  return event ? event.value().path + " " + event.value().token : std::string(to_string(event.error().code));
}

}  // namespace zynclone::xenstore
