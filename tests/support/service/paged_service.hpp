#pragma once
// A service that answers lists in pages, as the broker does: for the programs and the library that must put them together again.

#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::tests {

// In the order of a list: by name.
inline std::vector<protocol::CloneView> many_clones(std::size_t count) {
  std::vector<protocol::CloneView> clones(count, sample_clone());
  for (std::size_t i = 0; i < count; ++i) clones[i].name = CloneName::parse("clone-" + std::to_string(100'000 + i)).value();
  return clones;
}

// Newest first.
inline std::vector<protocol::OperationView> many_operations(std::size_t count) {
  std::vector<protocol::OperationView> operations(count, sample_operation(0));
  for (std::size_t i = 0; i < count; ++i) {
    operations[i].id = OperationId::parse("01JD0000000000000000" + std::to_string(900'000 - i)).value();
    operations[i].steps.clear();
  }
  return operations;
}

struct Paged {
  std::vector<protocol::CloneView> clones;
  std::vector<protocol::OperationView> operations;
  std::vector<protocol::AuditEntry> audit;
  std::size_t page = 40;
  std::size_t asked = 0;

  // Answers until the client closes.
  void serve(Conversation& c) {
    for (std::string line = c.read_line(); !line.empty(); line = c.read_line()) {
      const auto request = protocol::decode_request(line, protocol::Sender::administrator);
      if (!request) return;
      ++asked;
      std::visit([&](const auto& method) { answer(c, request.value(), method); }, request.value().method);
    }
  }

 private:
  // Those after the place that `is_after` knows, as many as a page takes.
  template <class Entry, class IsAfter>
  bool cut(const std::vector<Entry>& all, std::vector<Entry>& into, std::size_t most, IsAfter is_after) const {
    for (const Entry& entry : all) {
      if (!is_after(entry)) continue;
      if (into.size() == std::min(page, most)) return true;
      into.push_back(entry);
    }
    return false;
  }

  void answer(Conversation& c, const protocol::Request& request, const protocol::CloneList& method) const {
    protocol::CloneListing listing;
    listing.more = cut(clones, listing.clones, page, [&](const auto& clone) { return !method.after || clone.name > *method.after; });
    c.answer(request, listing);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::FamilyShow& method) const {
    protocol::FamilyView family = sample_family();
    family.clones.clear();
    family.more = cut(clones, family.clones, page, [&](const auto& clone) { return !method.after || clone.name > *method.after; });
    c.answer(request, family);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::OperationList& method) const {
    protocol::OperationListing listing;
    listing.more = cut(operations, listing.operations, method.limit, [&](const auto& one) { return !method.after || one.id < *method.after; });
    c.answer(request, listing);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::ApprovalList& method) const {
    std::vector<protocol::OperationView> oldest_first(operations.rbegin(), operations.rend());
    std::vector<protocol::OperationView> some;
    protocol::ApprovalListing listing;
    listing.more = cut(oldest_first, some, page, [&](const auto& one) { return !method.after || one.id > *method.after; });
    for (auto& one : some) listing.approvals.push_back({.operation = one, .expires = sample_time()});
    c.answer(request, listing);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::AuditList& method) const {
    protocol::AuditListing listing{.last = audit.size()};
    listing.more = cut(audit, listing.entries, method.limit, [&](const auto& entry) { return entry.sequence > method.after; });
    c.answer(request, listing);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::VolumeList&) const {
    c.answer(request, protocol::VolumeListing{{sample_volume()}});
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::PeripheralList&) const {
    c.answer(request, protocol::PeripheralListing{{sample_peripheral()}});
  }
  template <class M>
  void answer(Conversation&, const protocol::Request&, const M&) const {}
};

}  // namespace zynclone::tests
