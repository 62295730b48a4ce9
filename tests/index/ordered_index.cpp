// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/btree.hpp>
#include <mantis/index/ordered_index.hpp>
#include <mantis/platform/guard.hpp>
#include <mantis/platform/posix.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using mantis::bytes_view;
using mantis::lsn;
using mantis::result;

namespace {

// The least a user's own index needs: a std::map under one mutex.
template <class Platform>
class map_index {
public:
    result<void> put(bytes_view key, bytes_view value, lsn version) {
        const mantis::lock_guard hold{mutex_};
        map_.insert_or_assign(mantis::bytes{key}, entry{mantis::bytes{value}, version});
        return mantis::success();
    }
    result<bool> erase(bytes_view key) {
        const mantis::lock_guard hold{mutex_};
        return map_.erase(mantis::bytes{key}) == 1;
    }
    template <class F>
    result<bool> find(bytes_view key, F f) const {
        const mantis::lock_guard hold{mutex_};
        const auto at = map_.find(mantis::bytes{key});
        if (at != map_.end()) f(at->second.value.view(), at->second.version);
        return at != map_.end();
    }
    template <class F>
    result<void> scan(bytes_view from, F f) const {
        const mantis::lock_guard hold{mutex_};
        auto at = map_.lower_bound(mantis::bytes{from});
        while (at != map_.end() && f(at->first.view(), at->second.value.view(), at->second.version))
            ++at;
        return mantis::success();
    }
    std::size_t count() const {
        const mantis::lock_guard hold{mutex_};
        return map_.size();
    }
    std::size_t memory_bytes() const { return count() * 128; }
    result<void> verify() const { return mantis::success(); }

private:
    struct entry {
        mantis::bytes value;
        lsn version;
    };
    mutable typename Platform::mutex mutex_;
    std::map<mantis::bytes, entry> map_;
};

struct map_policy {
    static constexpr const char* name = "map";
    static constexpr std::uint32_t format_id = 1000;
    template <class Platform>
    using index = map_index<Platform>;
};

struct tiny_nodes {
    static constexpr std::size_t leaf_entries = 4;
    static constexpr std::size_t inner_children = 4;
};

struct without_verify : map_index<mantis::posix> {
    result<void> verify() const = delete;
};
struct erase_says_nothing : map_index<mantis::posix> {
    result<void> erase(bytes_view) { return {}; }
};

struct erase_cannot_fail : map_index<mantis::posix> {
    bool erase(bytes_view) { return false; }
};
struct put_cannot_fail : map_index<mantis::posix> {
    void put(bytes_view, bytes_view, lsn) {}
};
struct find_cannot_fail : map_index<mantis::posix> {
    template <class F>
    bool find(bytes_view, F) const {
        return false;
    }
};
struct scan_cannot_fail : map_index<mantis::posix> {
    template <class F>
    void scan(bytes_view, F) const {}
};

static_assert(mantis::ordered_index<map_index<mantis::posix>>);
static_assert(mantis::ordered_index<mantis::btree<>::index<mantis::posix>>);
static_assert(!mantis::ordered_index<without_verify>);
static_assert(!mantis::ordered_index<erase_says_nothing>);
static_assert(!mantis::ordered_index<erase_cannot_fail>);
static_assert(!mantis::ordered_index<put_cannot_fail>);
static_assert(!mantis::ordered_index<find_cannot_fail>);
static_assert(!mantis::ordered_index<scan_cannot_fail>);
static_assert(!mantis::ordered_index<std::map<int, int>>);
static_assert(mantis::index_policy<map_policy, mantis::posix>);
static_assert(mantis::index_policy<mantis::btree<>, mantis::posix>);
static_assert(!mantis::index_policy<map_index<mantis::posix>, mantis::posix>);

template <class Index>
std::vector<std::string> keys_from(const Index& index, bytes_view from, std::size_t at_most) {
    std::vector<std::string> keys;
    if (at_most == 0) return keys;
    CHECK(index.scan(from, [&](bytes_view key, bytes_view, lsn) {
        keys.push_back(key.as<std::string>());
        return keys.size() < at_most;
    }));
    return keys;
}

}  // namespace

TEST_CASE_TEMPLATE("an ordered index keeps what its table promises", Policy, map_policy,
                   mantis::btree<>, mantis::btree<tiny_nodes>) {
    using index_type = typename Policy::template index<mantis::posix>;
    index_type index;
    CHECK(index.count() == 0);
    CHECK_FALSE(index.erase("a").value());
    CHECK_FALSE(index.find("a", [](bytes_view, lsn) { FAIL("called"); }).value());

    {
        std::string key = "b";
        std::string value = "two";
        CHECK(index.put(key, value, lsn{2}));
        key = value = "changed";  // both were copied
    }
    CHECK(index.put("a", "one", lsn{1}));
    CHECK(index.put("c", "three", lsn{3}));
    CHECK(index.put("ab", "", lsn{4}));
    CHECK(index.put("b", "TWO", lsn{1}));

    int calls = 0;
    CHECK(index
              .find("b",
                    [&](bytes_view value, lsn version) {
                        ++calls;
                        CHECK(value == "TWO");
                        CHECK(version == lsn{1});
                    })
              .value());
    CHECK(calls == 1);
    CHECK(index.count() == 4);
    CHECK(index.memory_bytes() > 0);

    CHECK(keys_from(index, "", 10) == std::vector<std::string>{"a", "ab", "b", "c"});
    CHECK(keys_from(index, "ab", 10) == std::vector<std::string>{"ab", "b", "c"});
    CHECK(keys_from(index, "aa", 2) == std::vector<std::string>{"ab", "b"});
    CHECK(keys_from(index, "d", 10).empty());

    CHECK(index.erase("ab").value());
    CHECK_FALSE(index.erase("ab").value());
    CHECK(index.count() == 3);
    CHECK(keys_from(index, "", 10) == std::vector<std::string>{"a", "b", "c"});
    CHECK(index.verify());
}
