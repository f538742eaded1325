#pragma once
// The files of a qcow2 copy and how they are put in place and taken away; blocking, and without running a program.
//
// For source S and copy N, beside S:   S ──────────────▶ before
//                                      N.top            an empty layer on N.base, not yet in use
//                                      N.base           S's file under a second name
//                                      N ──▶ N.base     the copy
//                                      S ──▶ N.base     N.top renamed to S: from now on N.base is frozen
//
// In this order; each step leaves a state that `find` and `remove` know, and until the last one S is what it was. A later copy of the
// same name, after this one was removed, uses N.base.2 and so on, as S may still stand on N.base.

#include <optional>
#include <string>

#include "host-broker/ports/storage.hpp"
#include "host-broker/storage/files.hpp"
#include "host-broker/storage/qcow2_header.hpp"

namespace zynclone::broker::storage {

inline constexpr unsigned k_most_layers = 32;  // that a source may stand on; each is a file that QEMU keeps open

// On how many files this one stands, counted no further than one beyond the limit. Errors: not_found.
Result<unsigned> count_layers(const Qcow2Header& top);

class Qcow2Layers {
 public:
  // `copy_folder` empty: beside the source. Errors: invalid_argument.
  static Result<Qcow2Layers> create(const SnapshotRequest& request, const std::string& copy_folder);

  // The copy, if it is whole and its source writes elsewhere. Errors: storage, also for a file of that name that is no copy of this source.
  Result<std::optional<Snapshot>> find() const;

  // Removes what an interrupted attempt left, checks the source and gives its header. Errors: not_found, storage, conflict, no_space.
  Result<Qcow2Header> prepare(const Share& reserve);

  // `prepare` was successful, and `top()` is an empty layer on `base()`. The copy takes the layer's bytes, as it is the same.
  Result<Snapshot> put_in_place();

  // Takes the copy away; gives S its own file back when nothing was written since, nobody has it open and nothing else stands on it.
  // Otherwise S goes on as a layer on the base.
  Result<void> remove() const;

  const std::string& source() const { return source_; }
  const std::string& top() const { return top_; }
  const std::string& base() const { return base_; }

 private:
  Qcow2Layers() = default;
  std::string base_number(unsigned number) const;
  bool is_our_base(const std::string& path) const;
  std::optional<std::string> our_base_under(const Qcow2Header& copy) const;
  Result<void> check_source(const Qcow2Header& header) const;
  Result<void> remove_base(const std::string& base) const;
  Result<bool> is_needed_by_others(const std::string& base) const;
  Snapshot describe(std::uint64_t size, const std::string& base) const;

  SourceUse use_ = SourceUse::idle;
  std::string source_;   // symbolic links resolved
  std::string copy_;
  std::string part_;     // the copy before it has its name
  std::string top_;
  std::string base_;     // the one that `prepare` chose
};

}  // namespace zynclone::broker::storage
