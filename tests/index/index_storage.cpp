// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/btree/btree.hpp>
#include <mantis/index/index_storage.hpp>
#include <mantis/platform/memory.hpp>

using namespace mantis;

namespace {

// An index as an application may have one, whose entries a storage keeps.
class kept_index {
public:
    explicit kept_index(int) {}  // only its storage makes one
    result<void> put(bytes_view, bytes_view, lsn) { return success(); }
    result<bool> erase(bytes_view) { return false; }
    template <class F>
    result<bool> find(bytes_view, F) const {
        return false;
    }
    template <class F>
    result<void> scan(bytes_view, F) const {
        return success();
    }
    std::size_t count() const { return 0; }
    std::size_t memory_bytes() const { return 0; }
    result<void> verify() const { return success(); }
};
struct keeper {
    using index_type = kept_index;
};
struct kept {
    static constexpr const char* name = "kept";
    static constexpr std::uint32_t format_id = 1000;
    template <class Platform>
    using storage = keeper;
    template <class Platform>
    using index = kept_index;
};
// The same without a storage: nobody could make its index.
struct orphaned {
    static constexpr const char* name = "orphaned";
    static constexpr std::uint32_t format_id = 1001;
    template <class Platform>
    using index = kept_index;
};

}  // namespace

static_assert(index_policy<btree<>, memory>);
static_assert(index_policy<kept, memory>);
static_assert(!index_policy<orphaned, memory>);
static_assert(stored_index_policy<kept, memory>);
static_assert(!stored_index_policy<btree<>, memory>);

// The one that a store finds among its policies, wherever it stands.
static_assert(std::is_same_v<index_storage_of<memory>, no_index_storage>);
static_assert(std::is_same_v<index_storage_of<memory, btree<>>, no_index_storage>);
static_assert(std::is_same_v<index_storage_of<memory, kept>, keeper>);
static_assert(std::is_same_v<index_storage_of<memory, btree<>, kept>, keeper>);
static_assert(std::is_same_v<index_storage_of<memory, kept, btree<>>, keeper>);

TEST_CASE("a store without a storage has nothing to wait for, to write or to refuse") {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    no_index_storage none;
    CHECK(none.open(world, in, {}));
    CHECK(none.admit({1 << 30, 1 << 20, true}));
    CHECK(none.recovered({}));
    CHECK(none.reset());
    CHECK(none.persisted() == lsn{});
    CHECK(none.damage() == nullptr);
    CHECK_FALSE(none.wants_checkpoint());
    bool called = false;
    const auto made = none.checkpoint([&](auto) -> result<void> {
        called = true;
        return success();
    });
    REQUIRE(made);
    CHECK(made->sequence == 0);
    CHECK_FALSE(called);
    CHECK(none.stats().pages == 0);
    CHECK(in.list().value().empty());
}

TEST_CASE("the growth of a commit counts bytes and entries, and says whether some are put") {
    storage_growth growth;
    growth.add(3, false);
    CHECK_FALSE(growth.puts);
    growth.add(5, true);
    growth.add(7, false);
    CHECK(growth.puts);
    CHECK(growth.bytes == 15);
    CHECK(growth.entries == 3);
}
