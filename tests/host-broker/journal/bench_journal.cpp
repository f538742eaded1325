// What a durable acceptance costs: the insert of an operation with its audit entry, beside one 512-byte write + fdatasync in the same
// folder, alternating, so that both see the same disk. Prints medians, 99th percentiles and the ratio; `bench_journal FOLDER [ROUNDS]`.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "host-broker/journal/sql_store.hpp"
#include "system/descriptor.hpp"
#include "tests/host-broker/journal/example_operation.hpp"

namespace {

using namespace zynclone;
using SteadyClock = std::chrono::steady_clock;

template <class Work>
double microseconds(Work work) {
  const auto start = SteadyClock::now();
  work();
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count();
}

struct Times {
  std::vector<double> all;
  double percentile(double part) {
    std::sort(all.begin(), all.end());
    return all[std::min(all.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all.size())))];
  }
};

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path folder = count > 1 ? arguments[1] : ".";
  const unsigned rounds = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 1000;
  std::filesystem::create_directories(folder);
  for (const char* name : {"bench.db", "bench.db-wal", "bench.db-shm", "bench.sync"}) std::filesystem::remove(folder / name);

  auto store = broker::journal::SqlStore::open(folder / "bench.db");
  if (!store) return std::fprintf(stderr, "%s\n", store.error().message.c_str()), 1;
  const Descriptor plain(::open((folder / "bench.sync").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  std::array<char, 512> block{};

  Times sync;
  Times insert;
  for (unsigned round = 0; round < rounds; ++round) {
    sync.all.push_back(microseconds([&] {
      if (::pwrite(plain.get(), block.data(), block.size(), 0) != 512 || ::fdatasync(plain.get()) != 0) std::abort();
    }));
    broker::OperationRecord operation = tests::plain_operation(round);
    operation.request_id = RequestId::parse("request-" + std::to_string(round)).value();
    const std::vector<broker::AuditNote> notes = {{"pos1/pos1", "requested", operation.id.text(), "clone.create upgrade-1"}};
    insert.all.push_back(microseconds([&] {
      if (!store.value()->insert(operation, notes, operation.created)) std::abort();
    }));
    if (store.value()->upkeep_due()) store.value()->upkeep();  // as SqlJournal does it: after the answer
  }
  std::printf("%-42s %10s %10s\n", "", "p50 us", "p99 us");
  std::printf("%-42s %10.0f %10.0f\n", "512-byte write + fdatasync", sync.percentile(0.5), sync.percentile(0.99));
  std::printf("%-42s %10.0f %10.0f\n", "insert of an operation, audited", insert.percentile(0.5), insert.percentile(0.99));
  std::printf("%-42s %10.2f %10.2f\n", "ratio (aim: at most 4)", insert.percentile(0.5) / sync.percentile(0.5),
              insert.percentile(0.99) / sync.percentile(0.99));
  return 0;
}
