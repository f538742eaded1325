// Bytes of a guest on its XenStore socket in the sandbox. Whatever they are, each request gets one reply that a client can read, the guest
// stays within its quotas, and what is the host's stays as it was.
#include <cstdlib>

#include "host-broker/sandbox/store/engine.hpp"
#include "host-broker/sandbox/store/limits.hpp"

namespace {

using namespace zynclone;
using namespace zynclone::sandbox;

constexpr DomainId k_guest{5};
constexpr std::size_t k_longest_message = 16 + 4096;

void prepare(StoreEngine& engine) {
  engine.add_domain(k_guest);
  NodePermissions permissions;
  permissions.entries = {{.domain = k_host_domain}, {.domain = k_guest, .access = k_may_read}};
  if (!engine.write("/local/domain/5", "", permissions)) std::abort();
  permissions.entries = {{.domain = k_guest}};
  if (!engine.write("/local/domain/5/data", "", permissions)) std::abort();
  if (!engine.write("/secret", "value")) std::abort();
  engine.introduce(k_guest);
}

// Counts the replies among what the session has to say.
std::size_t replies(StoreSession& session) {
  std::size_t count = 0;
  for (std::string bytes = session.take_output(); !bytes.empty(); bytes = session.take_output()) {
    if (bytes.size() > k_longest_message) std::abort();
    StoreReader reader;
    reader.feed(bytes);
    const auto message = reader.next();
    if (!message || !message.value()) std::abort();
    if (message.value()->type != 15) ++count;  // XS_WATCH_EVENT
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  StoreEngine engine;
  prepare(engine);
  {
    StoreSession session(engine, k_guest);
    StoreReader reader;
    reader.feed({reinterpret_cast<const char*>(data), size});
    for (auto request = reader.next(); request && request.value(); request = reader.next()) {
      engine.handle(session, *request.value());
      if (replies(session) != 1) std::abort();
    }
    if (engine.tree().nodes_owned_by(k_guest) > k_most_nodes) std::abort();
    const auto secret = engine.read("/secret");
    if (!secret || secret.value() != "value") std::abort();
  }
  engine.release(k_guest);
  return engine.tree().nodes_owned_by(k_guest) == 0 ? 0 : (std::abort(), 0);
}
