#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

#include "host-broker/storage/volumes.hpp"
#include "system/process.hpp"
#include "tests/host-broker/storage/fake_lvm.hpp"
#include "tests/host-broker/storage/storage_contract.hpp"
#include "tests/support/fake_storage.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using broker::Volume;
using broker::VolumeFormat;

constexpr std::uint64_t k_size = 64 << 20;

std::string must(std::vector<std::string> arguments) {
  auto output = run(run_checked(std::move(arguments), Errc::storage));
  if (!output) throw std::runtime_error(output.error().message);
  return output.value();
}

class Fake : public StorageUnderTest {
 public:
  Fake() { storage_.volumes[source().path] = k_size; }
  broker::Storage& storage() override { return storage_; }
  Volume source() override { return {VolumeFormat::lvm_thin, "/dev/vg0/root"}; }
  Volume missing() override { return {VolumeFormat::lvm_thin, "/dev/vg0/none"}; }
  void write(const Volume&, unsigned char) override {}
  std::optional<unsigned char> read(const Volume&) override { return std::nullopt; }

 private:
  FakeStorage storage_;
};

class Qcow2File : public StorageUnderTest {
 public:
  Qcow2File() { must({"qemu-img", "create", "-q", "-f", "qcow2", source().path, std::to_string(k_size)}); }
  broker::Storage& storage() override { return storage_; }
  Volume source() override { return {VolumeFormat::qcow2, (folder_ / "pos1.qcow2").string()}; }
  Volume missing() override { return {VolumeFormat::qcow2, (folder_ / "none.qcow2").string()}; }
  void write(const Volume& volume, unsigned char byte) override {
    must({"qemu-io", "-f", "qcow2", "-c", "write -q -P " + std::to_string(byte) + " 0 64k", volume.path});
  }
  std::optional<unsigned char> read(const Volume& volume) override {
    const std::string line = must({"qemu-io", "-r", "-f", "qcow2", "-c", "read -v 0 1", volume.path});
    return static_cast<unsigned char>(std::stoi(line.substr(line.find(": ") + 3), nullptr, 16));
  }

 private:
  TemporaryFolder folder_;
  broker::storage::Volumes storage_{broker::storage::Settings{.reserve = {.files = {}}}};
};

class RawImage : public StorageUnderTest {
 public:
  RawImage() {
    std::ofstream(source().path).close();
    std::filesystem::resize_file(source().path, k_size);
  }
  broker::Storage& storage() override { return storage_; }
  Volume source() override { return {VolumeFormat::raw, (folder_ / "pos1.img").string()}; }
  Volume missing() override { return {VolumeFormat::raw, (folder_ / "none.img").string()}; }
  void write(const Volume& volume, unsigned char byte) override {
    std::fstream file(volume.path, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(65536, static_cast<char>(byte));
  }
  std::optional<unsigned char> read(const Volume& volume) override {
    return static_cast<unsigned char>(std::ifstream(volume.path, std::ios::binary).get());
  }

 private:
  TemporaryFolder folder_;
  broker::storage::Volumes storage_{broker::storage::Settings{.reserve = {.files = {}}}};
};

class LvmWithFakedTools : public StorageUnderTest {
 public:
  LvmWithFakedTools() { lvm_.put("root", {.size = std::to_string(k_size)}); }
  broker::Storage& storage() override { return storage_; }
  Volume source() override { return {VolumeFormat::lvm_thin, "/dev/vg0/root"}; }
  Volume missing() override { return {VolumeFormat::lvm_thin, "/dev/vg0/none"}; }
  void write(const Volume&, unsigned char) override {}
  std::optional<unsigned char> read(const Volume&) override { return std::nullopt; }

 private:
  FakeLvm lvm_;
  broker::storage::Volumes storage_{broker::storage::Settings{}};
};

// ZYNCLONE_TEST_THIN_POOL=vg0/pool: where tests may make volumes.
const char* thin_pool() { return std::getenv("ZYNCLONE_TEST_THIN_POOL"); }

class RealLvm : public StorageUnderTest {
 public:
  RealLvm() {
    must({"lvcreate", "-q", "--thin", "--virtualsize", std::to_string(k_size) + "b", "--name", "zynclone-test-root", "--", thin_pool()});
  }
  ~RealLvm() override {
    for (const std::string name : {"copy-1", "copy-2", "zynclone-test-root"})
      (void)run(run_process({"lvremove", "-q", "--yes", "--force", "--", group_ + "/" + name}));
  }
  broker::Storage& storage() override { return storage_; }
  Volume source() override { return {VolumeFormat::lvm_thin, "/dev/" + group_ + "/zynclone-test-root"}; }
  Volume missing() override { return {VolumeFormat::lvm_thin, "/dev/" + group_ + "/zynclone-test-none"}; }
  void write(const Volume& volume, unsigned char byte) override {
    std::fstream file(volume.path, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(65536, static_cast<char>(byte));
    file.close();
    must({"sync", volume.path});
  }
  std::optional<unsigned char> read(const Volume& volume) override {
    return static_cast<unsigned char>(std::ifstream(volume.path, std::ios::binary).get());
  }

 private:
  std::string group_ = std::string(thin_pool()).substr(0, std::string(thin_pool()).find('/'));
  broker::storage::Volumes storage_{broker::storage::Settings{}};
};

template <class Kind>
std::unique_ptr<StorageUnderTest> make() {
  return std::make_unique<Kind>();
}

}  // namespace

const std::vector<StorageKind>& storage_kinds() {
  static const std::vector<StorageKind> kinds = {
      {"Fake", make<Fake>},
      {"Qcow2", make<Qcow2File>},
      {"Raw", make<RawImage>},
      {"LvmWithFakedTools", make<LvmWithFakedTools>},
      {"Lvm", make<RealLvm>,
       [] { return thin_pool() != nullptr ? nullptr : "no thin pool for tests is named in ZYNCLONE_TEST_THIN_POOL (as vg0/pool)"; }}};
  return kinds;
}

}  // namespace zynclone::tests
