// SPDX-License-Identifier: BSL-1.0
#include "slotted_rows.hpp"

#include <mantis/index/btree/detail/optimistic_access.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/sync/optimistic_latch.hpp>

#include "../../sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace mantis;
using namespace slotted_tests;

namespace {

// Everything that can be read. Views have to be inside the page; ASan sees what is not.
template <class Access>
std::size_t read_all(const slotted_view<Access>& view, const std::string& key) {
    const auto inside = [&](bytes_view part) {
        REQUIRE((part.empty() || (part.data() >= view.page() &&
                                  part.data() + part.size() <= view.page() + view.page_bytes())));
    };
    inside(view.prefix());
    inside(view.fences().lower);
    inside(view.fences().upper);
    REQUIRE(view.bytes_used() <= view.page_bytes());
    REQUIRE(view.count() <= view.page_bytes() / 8);
    std::size_t read = 0;
    node_key own;
    leaf_entry entry;
    std::uint64_t child = 0;
    for (std::size_t at = 0; at <= view.count(); ++at) {
        if (view.read_leaf_entry(at, entry)) {
            inside(entry.key.prefix);
            inside(entry.key.suffix);
            inside(entry.payload.value);
            ++read;
        }
        if (view.copy_key(at, own)) ++read;
        if (view.read_child(at, child)) ++read;
    }
    REQUIRE(view.lower_bound(key).at <= view.count());
    REQUIRE(view.child_of(key).at <= view.count());
    if (view.copy_key(view.count() / 2, own)) REQUIRE(view.lower_bound(own.view()).at <= 5000);
    return read;
}

page filled(std::size_t size, bool leaf, std::mt19937_64& random) {
    row one{size, leaf ? 0u : 1u};
    while (one.size() == 1) {
        const std::string key = "k" + random_key(random, size / 8 - 1);
        const std::string value(random() % 20, 'v');
        if (leaf) REQUIRE(one.put(key, {value}, lsn{1}) != ~std::size_t{0});
        else if (one[0].view().lower_bound(key).answer == node_answer::absent)
            REQUIRE(one.put_child(key, row::first_child + 1) != ~std::size_t{0});
    }
    return one[random() % 2];
}

}  // namespace

TEST_CASE("every search finds the place that comparing all keys finds, with and without hints") {
    std::mt19937_64 random{11};
    for (std::size_t round = 0; round < 60 / one_in; ++round) {
        page leaf{32768, 1};
        const bool prefixed = round % 2 != 0;
        leaf.node().init_leaf(leaf.owner(), prefixed ? fence_keys{"k", "kk"} : fence_keys{});
        std::set<std::string> keys;
        for (std::size_t count = 0; count < 120; ++count) {
            const std::string key = (prefixed ? "k" : "") + random_key(random, 40);
            const auto at =
                static_cast<std::size_t>(std::distance(keys.begin(), keys.lower_bound(key)));
            const auto place = leaf.view().lower_bound(key);
            REQUIRE(place.at == at);
            REQUIRE((place.answer == node_answer::found) == (keys.count(key) == 1));
            if (prefixed && key >= "kk") continue;
            if (!keys.insert(key).second) continue;
            REQUIRE(leaf.node().insert(at, key, {"v"}, lsn{1}));
        }
        REQUIRE(leaf.damage() == "");
        for (const std::string outside : {"", "j", "k", "l", "\xff"}) {
            const auto at =
                static_cast<std::size_t>(std::distance(keys.begin(), keys.lower_bound(outside)));
            CHECK(leaf.view().lower_bound(outside).at == at);
        }
    }
}

TEST_CASE("a page of any bytes is read without leaving it") {
    std::mt19937_64 random{5};
    for (std::size_t round = 0; round < 2000 / one_in; ++round) {
        page any{page_sizes[round % 3], 1};
        for (std::size_t i = 0; i < any.size(); ++i) any.data()[i] = std::byte(random());
        any.data()[0] = std::byte{1};
        any.data()[1] = std::byte(1 + random() % 2);
        // Often a header that almost makes sense.
        if (round % 2 == 0)
            for (const std::size_t high : {5u, 7u, 9u, 11u, 13u, 15u, 17u, 19u})
                any.data()[high] = std::byte(random() % (any.size() / 256));
        read_all(any.view(), random_key(random, 20));
        CHECK(any.damage() != "");
    }
}

TEST_CASE("a page with bytes changed here and there is read without leaving it") {
    std::mt19937_64 random{6};
    std::size_t unnoticed = 0;
    for (std::size_t round = 0; round < 1200 / one_in; ++round) {
        page damaged = filled(page_sizes[round % 4], round % 2 == 0, random);
        const std::size_t whole = read_all(damaged.view(), "key");
        for (std::size_t changes = 1 + random() % 4; changes > 0; --changes) {
            const std::size_t at = random() % (random() % 2 == 0 ? 200 : damaged.size());
            damaged.data()[at] = std::byte(random());
        }
        const std::size_t read = read_all(damaged.view(), "key");
        if (damaged.damage() != "") continue;
        REQUIRE(read == whole);
        ++unnoticed;
    }
    CHECK(unnoticed > 0);
}

TEST_CASE("a page that is cut short in its header is malformed, and has nothing in it") {
    page leaf{512, 1};
    leaf.node().init_leaf(leaf.owner(), {"a", "b"});
    REQUIRE(leaf.node().insert(0, "a1", {"v"}, lsn{1}));
    store_le<std::uint16_t>(leaf.data() + 4, 60);
    const auto view = leaf.view();
    CHECK(view.malformed());
    CHECK(view.count() == 0);
    CHECK(view.lower_bound("a1").answer == node_answer::malformed);
    leaf_entry entry;
    CHECK_FALSE(view.read_leaf_entry(0, entry));
    CHECK(view.prefix().empty());
    CHECK(view.free_bytes() == 0);
}

TEST_CASE("an entry that points out of the page is malformed when a search comes to it") {
    page leaf{512, 1};
    leaf.node().init_leaf(leaf.owner(), {});
    REQUIRE(leaf.node().insert(0, "abcde", {"v"}, lsn{1}));
    auto slot = leaf.view().slot(0);
    slot.offset = 510;
    detail::store_slot<detail::plain_access>(leaf.data(), 0, slot);
    CHECK(leaf.view().lower_bound("abcdf").answer == node_answer::malformed);
    CHECK(leaf.view().lower_bound("b").answer == node_answer::absent);
    node_key_parts key;
    CHECK_FALSE(leaf.view().read_key(0, key));
}

namespace {

using access = detail::optimistic_access<posix>;

// 64 bytes, where every byte is another, as in a page: aligned, and whole words.
struct alignas(8) some_words {
    std::byte at[64];
    some_words() {
        for (std::size_t i = 0; i < sizeof at; ++i) at[i] = static_cast<std::byte>(0xf0 - 3 * i);
    }
    [[nodiscard]] std::string text() const { return bytes_view{at, sizeof at}.as<std::string>(); }
};

template <class T>
void check_integers_at(std::size_t offset) {
    const some_words words;
    CHECK(access::load<T>(words.at + offset) == load_le<T>(words.at + offset));
    some_words stored;
    some_words expected;
    access::store(stored.at + offset, static_cast<T>(0x123456789abcdef0));
    store_le(expected.at + offset, static_cast<T>(0x123456789abcdef0));
    CHECK(stored.text() == expected.text());
}

// Bytes [offset, offset + size) are copied, compared and written; nothing beside them is.
void check_bytes_at(std::size_t offset, std::size_t size) {
    const some_words words;
    const std::string wanted = words.text().substr(offset, size);
    std::string copied(size + 2, '#');
    access::copy(reinterpret_cast<std::byte*>(copied.data()) + 1, words.at + offset, size);
    REQUIRE(copied == "#" + wanted + "#");
    alignas(8) std::byte around[64 + 14];
    const std::size_t before = access::copy_words(around, words.at + offset, size);
    REQUIRE((before < 8 && bytes_view{around + before, size}.as<std::string>() == wanted));

    const auto own = [](const std::string& text) {
        return reinterpret_cast<const std::byte*>(text.data());
    };
    REQUIRE(access::compare(words.at + offset, own(wanted), size) == 0);
    for (std::size_t other = 0; other < size; ++other)
        for (const char by : {'\x01', '\xff'}) {
            std::string changed = wanted;
            changed[other] = static_cast<char>(changed[other] + by);
            const int order = access::compare(words.at + offset, own(changed), size);
            REQUIRE(order * std::memcmp(own(wanted), own(changed), size) > 0);
        }

    const std::string text(size, 'w');
    some_words written;
    access::write(written.at + offset, own(text), size);
    std::string expected = words.text();
    expected.replace(offset, size, text);
    REQUIRE(written.text() == expected);
}

// A page with a latch, in which each value is its key, as often as its version says.
struct shared_page {
    shared_page() {
        slotted_node<access>{leaf.data(), leaf.size()}.init_leaf(leaf.owner(), {"k", "l"});
    }

    // One look of an optimistic reader.
    //   Returns     whether it was of one state, and the key was there
    bool look(const std::string& key) {
        const optimistic_version before = latch.begin().seen;
        const slotted_view<access> view{leaf.data(), leaf.size()};
        const node_place place = view.lower_bound(key);
        leaf_entry entry;
        std::string value;
        const bool read =
            place.answer == node_answer::found && view.read_leaf_entry(place.at, entry);
        if (read) {
            value.resize(entry.payload.value.size());
            access::copy(reinterpret_cast<std::byte*>(value.data()), entry.payload.value.data(),
                         value.size());
        }
        if (!latch.validate(before)) return false;
        REQUIRE(place.answer != node_answer::malformed);
        REQUIRE(read == (place.answer == node_answer::found));
        if (!read) return false;
        REQUIRE(value.size() == key.size() * entry.version.value);
        REQUIRE(value.substr(0, key.size()) == key);
        return true;
    }
    void change(const std::string& key, std::uint64_t times, bool erasing) {
        std::string value;
        for (std::uint64_t i = 0; i < times; ++i) value += key;
        slotted_node<access> node{leaf.data(), leaf.size()};
        latch.lock();
        const node_place place = node.view().lower_bound(key);
        if (place.answer == node_answer::absent)
            REQUIRE(node.insert(place.at, key, {value}, lsn{times}));
        else if (erasing) node.erase(place.at);
        else REQUIRE(node.replace(place.at, key, {value}, lsn{times}));
        latch.unlock();
    }

    page leaf{4096, 1};
    optimistic_latch<posix> latch;
};

}  // namespace

// Under ThreadSanitizer this is also the proof that nothing is read or written past the Access.
TEST_CASE("optimistic readers see whole states of a page that a writer changes") {
    shared_page shared;
    posix::atomic<bool> done{false};
    std::size_t seen = 0;
    std::thread reader{[&] {
        std::mt19937_64 random{1};
        while (!done.load() || seen < 100)
            if (shared.look("k" + std::to_string(random() % 50))) ++seen;
    }};
    std::mt19937_64 random{2};
    for (std::size_t step = 0; step < 20000 / one_in; ++step) {
        shared.change("k" + std::to_string(random() % 50), 1 + random() % 10, random() % 2 == 0);
        if (step % 64 == 0) std::this_thread::yield();
    }
    for (const char* key : {"k1", "k2", "k3", "k4"}) shared.change(key, 1, false);
    done.store(true);
    reader.join();
    CHECK(shared.leaf.damage() == "");
    CHECK(seen >= 100);
}

TEST_CASE("optimistic access reads and writes the bytes that are meant, at every offset") {
    for (std::size_t offset = 0; offset <= 24; ++offset) {
        check_integers_at<std::uint8_t>(offset);
        check_integers_at<std::uint16_t>(offset);
        check_integers_at<std::uint32_t>(offset);
        check_integers_at<std::uint64_t>(offset);
        for (std::size_t size = 0; size <= 40; ++size) check_bytes_at(offset, size);
    }
    for (std::size_t size = 0; size <= 64; ++size) check_bytes_at(64 - size, size);
}
