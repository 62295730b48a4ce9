// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/verify.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace mantis;

namespace {

struct tiny {
    static constexpr std::size_t leaf_entries = 4;
    static constexpr std::size_t inner_children = 4;
};
using tree_type = byte_map<tiny>;
using leaf_type = tree_type::leaf_type;
using inner_type = tree_type::inner_type;

std::string numbered(int number) { return "key-" + std::to_string(1000 + number); }

// A sound tree of height four, to be damaged in one place and repaired before it is destroyed.
struct patient {
    tree_type tree;
    patient() {
        for (int i = 0; i < 100; ++i) tree.put(numbered(i * 37 % 100), "value", lsn{});
        REQUIRE(tree.height() >= 3);
        REQUIRE(verify(tree));
    }
    inner_type& top() { return *static_cast<inner_type*>(const_cast<detail::node*>(tree.root())); }
    // The widest child of the top.
    inner_type& inner() {
        detail::node* widest = top().children[0];
        for (std::size_t i = 1; i < top().count; ++i)
            if (top().children[i]->count > widest->count) widest = top().children[i];
        return *static_cast<inner_type*>(widest);
    }
    leaf_type& leaf() {
        detail::node* at = &top();
        while (at->level != 0) at = static_cast<inner_type*>(at)->children[0];
        return *static_cast<leaf_type*>(at);
    }
    void must_be_found(const char* what) {
        const auto sound = verify(tree);
        REQUIRE_FALSE(sound);
        CHECK(sound.error().code() == error_code::corrupt);
        CHECK(sound.error().subject().as<std::string>() == what);
    }
};

}  // namespace

TEST_CASE("verify finds keys out of order") {
    patient broken;
    std::swap(broken.leaf().entries[0], broken.leaf().entries[1]);
    broken.must_be_found("keys out of order");
    std::swap(broken.leaf().entries[0], broken.leaf().entries[1]);
    CHECK(verify(broken.tree));
}

TEST_CASE("verify finds a key on the wrong side of a separator") {
    patient broken;
    leaf_type& first = broken.leaf();
    std::swap(first.entries[first.count - 1], first.next->entries[0]);
    broken.must_be_found("a key on the wrong side of a separator");
    std::swap(first.entries[first.count - 1], first.next->entries[0]);
}

TEST_CASE("verify finds separators out of order or out of bounds") {
    patient broken;
    inner_type& inner = broken.inner();
    REQUIRE(inner.separator_count() >= 2);
    inner.separators[0].swap(inner.separators[1]);
    broken.must_be_found("separators out of order");
    inner.separators[0].swap(inner.separators[1]);
    bytes wrong{"zzz"};
    inner.separators[0].swap(wrong);
    broken.must_be_found("a separator outside its parent's bounds");
    inner.separators[0].swap(wrong);
    CHECK(verify(broken.tree));
}

TEST_CASE("verify finds a missing link and a link past the end") {
    patient broken;
    leaf_type& first = broken.leaf();
    leaf_type* const next = first.next;
    first.next = next->next;
    broken.must_be_found("a link misses the next leaf");
    first.next = next;
    leaf_type* last = next;
    while (last->next != nullptr) last = last->next;
    last->next = &first;
    broken.must_be_found("a link leads past the last leaf");
    last->next = nullptr;
}

TEST_CASE("verify finds a node that holds too little") {
    patient broken;
    leaf_type& first = broken.leaf();
    const auto count = first.count;
    first.count = 1;
    broken.must_be_found("a leaf holds too few or too many entries");
    first.count = count;
    inner_type& inner = broken.inner();
    const auto children = inner.count;
    inner.count = 1;
    broken.must_be_found("an inner node holds too few or too many children");
    inner.count = children;
}

TEST_CASE("verify finds leaves at different depths") {
    patient broken;
    inner_type& top = broken.top();
    detail::node* const child = top.children[1];
    top.children[1] = static_cast<inner_type*>(child)->children[0];
    broken.must_be_found("leaves are at different depths");
    top.children[1] = child;
}

TEST_CASE("verify finds a head or a prefix that is not its key's") {
    patient broken;
    leaf_type& first = broken.leaf();
    const auto heads = first.heads;
    first.heads.erase(0, first.count);
    broken.must_be_found("a head that is not its key's");
    first.heads.rebuild(1, [](std::size_t) { return bytes_view{"other"}; });
    broken.must_be_found("a key without its node's prefix");
    first.heads = heads;
    CHECK(verify(broken.tree));
}

TEST_CASE("verify finds wrong totals") {
    patient broken;
    broken.tree.put("last", "value", lsn{});
    leaf_type* last = &broken.leaf();
    while (last->next != nullptr) last = last->next;
    REQUIRE(last->count > 1);
    --last->count;
    broken.must_be_found("the count of entries is wrong");
    ++last->count;
    bytes& separator = broken.top().separators[0];
    bytes roomy{separator};
    roomy.reserve(1000);
    separator.swap(roomy);
    broken.must_be_found("the count of memory bytes is wrong");
    separator.swap(roomy);
    CHECK(verify(broken.tree));
}
