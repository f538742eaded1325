#pragma once
// Lists of any length: a service answers a page at a time, as much as fits a message, and is asked until there is no more. `call` takes a
// method and gives its Result. Errors of all: those of `call`; malformed when a page does not go on where the one before ended.

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "protocol/messages.hpp"

namespace zynclone::cli {

// `entries` gives a page's list, `cursor` what stands for an entry's place in it; `follows(a, b)`: does an entry at b come after a?
template <class M, class Call, class Entries, class Cursor, class Follows, class GoOn>
Result<typename M::Result> all_pages(M method, const Call& call, Entries entries, Cursor cursor, Follows follows, GoOn go_on,
                                     std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  TRY(auto whole, call(method));
  while (whole.more && entries(whole).size() < most) {
    const auto wrong = [] { return fail(Errc::malformed, "cannot list all of them: a page does not go on after the one before"); };
    if (entries(whole).empty()) return wrong();
    const auto last = cursor(entries(whole).back());
    go_on(method, last, most - entries(whole).size());
    TRY(auto page, call(method));
    auto& added = entries(page);
    const bool goes_on = std::all_of(added.begin(), added.end(), [&](const auto& entry) { return follows(last, cursor(entry)); });
    if (!goes_on || (added.empty() && page.more)) return wrong();
    std::move(added.begin(), added.end(), std::back_inserter(entries(whole)));
    whole.more = page.more;
  }
  return whole;
}

template <class Call>
Result<protocol::CloneListing> all_clones(const Call& call) {
  using Place = std::pair<VmName, CloneName>;
  return all_pages(
      protocol::CloneList{}, call, [](protocol::CloneListing& page) -> auto& { return page.clones; },
      [](const protocol::CloneView& clone) { return Place(clone.vm, clone.name); }, [](const Place& a, const Place& b) { return a < b; },
      [](protocol::CloneList& method, const Place& last, std::uint64_t) {
        method.after_vm = last.first;
        method.after = last.second;
      });
}

// The family with all its clones.
template <class Call>
Result<protocol::FamilyView> whole_family(const Call& call) {
  return all_pages(
      protocol::FamilyShow{}, call, [](protocol::FamilyView& page) -> auto& { return page.clones; },
      [](const protocol::CloneView& clone) { return clone.name; }, [](const CloneName& a, const CloneName& b) { return a < b; },
      [](protocol::FamilyShow& method, const CloneName& last, std::uint64_t) { method.after = last; });
}

// The newest, `most` of them; `more` says whether there are others.
template <class Call>
Result<protocol::OperationListing> operations(const Call& call, std::uint64_t most) {
  const auto of_page = [](std::uint64_t wanted) { return std::min<std::uint64_t>(wanted, protocol::k_most_list_entries); };
  return all_pages(
      protocol::OperationList{.limit = of_page(most)}, call, [](protocol::OperationListing& page) -> auto& { return page.operations; },
      [](const protocol::OperationView& operation) { return operation.id; }, [](const OperationId& a, const OperationId& b) { return b < a; },
      [of_page](protocol::OperationList& method, const OperationId& last, std::uint64_t left) {
        method.after = last;
        method.limit = of_page(left);
      },
      most);
}

template <class Call>
Result<protocol::ApprovalListing> all_approvals(const Call& call) {
  return all_pages(
      protocol::ApprovalList{}, call, [](protocol::ApprovalListing& page) -> auto& { return page.approvals; },
      [](const protocol::ApprovalView& approval) { return approval.operation.id; }, [](const OperationId& a, const OperationId& b) { return a < b; },
      [](protocol::ApprovalList& method, const OperationId& last, std::uint64_t) { method.after = last; });
}

}  // namespace zynclone::cli
