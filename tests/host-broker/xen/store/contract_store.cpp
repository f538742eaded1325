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

void use_socket_of(DomainId domain) { ::setenv("XENSTORED_PATH", g_sandbox->socket_of(domain).c_str(), 1); }

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

bool Contract::is_real_host() {
  const char* which = std::getenv("ZYNCLONE_XENSTORE");
  return which != nullptr && std::string_view(which) == "host";
}

void Contract::start_sandbox() {
  if (g_sandbox || is_real_host()) return;
  g_sandbox = std::make_unique<sandbox::RunningStore>();
  g_sandbox->add_guest(k_guest);
  use_socket_of({0});
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
  use_socket_of(k_guest);
  Store guest = must_open(context);
  use_socket_of({0});
  return guest;
}

std::string Contract::permissions_of(const std::string& path) {
  xs_handle* handle = xs_open(0);
  unsigned count = 0;
  xs_permissions* entries = xs_get_permissions(handle, XBT_NULL, path.c_str(), &count);
  std::string text;
  for (unsigned at = 0; entries != nullptr && at < count; ++at)
    text += (at == 0 ? "" : " ") + std::string(1, "nrwb"[entries[at].perms & (XS_PERM_READ | XS_PERM_WRITE)]) +
            std::to_string(entries[at].id);
  std::free(entries);
  xs_close(handle);
  return text;
}

std::string Contract::next(Store& from) {
  const auto event = run(from.next_event());
  return event ? event.value().path + " " + event.value().token : std::string(to_string(event.error().code));
}

}  // namespace zynclone::xenstore
