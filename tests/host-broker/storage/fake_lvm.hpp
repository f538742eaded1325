#pragma once
// LVM's tools as far as LvmThin uses them, over a folder with a file for each volume: small programs that are put before the real ones in
// PATH while this object lives. Every call is recorded.

#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

class FakeLvm {
 public:
  // A group vg0 with a thin pool `pool` of 10 GiB (64 MiB of metadata) and a thin volume `root` of 1 GiB in it, and `thick`, which is in no pool.
  FakeLvm();
  ~FakeLvm();

  struct Volume {
    std::string size = "1073741824";
    std::string active = "active";
    std::string layout = "thin,sparse";
    std::string pool = "pool";
    std::string origin;
    std::string tags;
    std::string metadata_size;
    std::string data_percent = "1.00";
    std::string metadata_percent;
  };
  void put(const std::string& name, const Volume& volume);
  void put_pool(const std::string& data_percent, const std::string& metadata_percent);
  bool has(const std::string& name) const;

  // The tool then prints this to its standard error and ends with status 5, having done what it does or not.
  void fail(const std::string& tool, const std::string& message);
  void fail_after(const std::string& tool, const std::string& message);
  void hang(const std::string& tool);
  void answer(const std::string& tool, const std::string& text);  // instead of what it would print
  std::vector<std::string> calls() const;  // "lvcreate -q --snapshot …"

 private:
  TemporaryFolder folder_;
  std::string path_before_;
};

}  // namespace zynclone::tests
