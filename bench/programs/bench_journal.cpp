// What the durable acceptance of clone.create costs: the insert of the operation with its audit entry, as the broker journals it before
// it answers, beside one 512-byte write + fdatasync in the same folder, in turn, so that both see the same disk.
//   bench_journal FOLDER [ROUNDS]
// Prints "p50 p99" in microseconds, first of the write, then of the acceptance.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "bench/programs/line_client.hpp"
#include "host-broker/journal/sql_store.hpp"
#include "system/descriptor.hpp"

namespace {

using namespace zynclone;

template <class Work>
double microseconds(Work work) {
  const auto begun = bench::Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(bench::Clock::now() - begun).count();
}

broker::OperationRecord operation_number(unsigned number) {
  const std::string digits = std::to_string(number);
  broker::OperationRecord operation;
  operation.id = OperationId::parse("01HZX" + std::string(21 - digits.size(), '0') + digits).value();
  operation.family = Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001").value();
  operation.vm = VmName::parse("pos1").value();
  operation.requester = "bbbbbbbb-0000-4000-8000-000000000001";
  operation.requester_name = "pos1";
  operation.request_id = RequestId::parse("request-" + digits).value();
  operation.request = R"({"method":"clone.create","params":{"name":"upgrade-1","mode":"online"}})";
  operation.kind = "clone.create";
  operation.target = "upgrade-" + digits;
  operation.decision = "allow";
  operation.decision_place = "/etc/zynclone/policy.d/10-pos.policy:3";
  operation.created = Timestamp(std::chrono::milliseconds(1'700'000'000'000 + number * 1000));
  return operation;
}

void print(const std::vector<double>& times) { std::printf("%.1f %.1f\n", bench::percentile(times, 0.5), bench::percentile(times, 0.99)); }

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path folder = count > 1 ? arguments[1] : ".";
  const unsigned rounds = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 1000;
  auto store = broker::journal::SqlStore::open(folder / "bench.db");
  if (!store) return std::fprintf(stderr, "%s\n", store.error().message.c_str()), 1;
  const Descriptor plain(::open((folder / "bench.sync").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::array<char, 512> block{};

  std::vector<double> writes;
  std::vector<double> acceptances;
  for (unsigned round = 0; round < rounds; ++round) {
    writes.push_back(microseconds([&] {
      if (::pwrite(plain.get(), block.data(), block.size(), 0) != 512 || ::fdatasync(plain.get()) != 0) bench::give_up("write a block");
    }));
    const broker::OperationRecord operation = operation_number(round);
    const std::vector<broker::AuditNote> notes = {{"pos1/pos1", "requested", operation.id.text(), "clone.create " + operation.target}};
    acceptances.push_back(microseconds([&] {
      if (!store.value()->insert(operation, notes, operation.created)) bench::give_up("insert an operation");
    }));
    if (store.value()->upkeep_due()) store.value()->upkeep();  // as SqlJournal does it: after the answer
  }
  print(writes);
  print(acceptances);
  return 0;
}
