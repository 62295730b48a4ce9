// SPDX-License-Identifier: BSL-1.0
#include "slotted_rows.hpp"

#include "../../sanitized.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace mantis;
using namespace slotted_tests;

namespace {

constexpr std::size_t nowhere = ~std::size_t{0};

struct stored {
    std::string payload;
    bool is_reference;
    lsn version;
};
using leaf_model = std::map<std::string, stored>;

node_payload payload_of(const stored& from) { return {from.payload, from.is_reference}; }

void must_hold(const page& leaf, leaf_model::const_iterator& expected) {
    const auto view = leaf.view();
    for (std::size_t at = 0; at < view.count(); ++at, ++expected) {
        leaf_entry entry;
        REQUIRE(view.read_leaf_entry(at, entry));
        REQUIRE(joined(entry.key) == expected->first);
        REQUIRE(entry.payload.value.as<std::string>() == expected->second.payload);
        REQUIRE(entry.payload.is_reference == expected->second.is_reference);
        REQUIRE(entry.version == expected->second.version);
    }
}

void must_equal(const row& leaves, const leaf_model& model) {
    auto expected = model.begin();
    for (std::size_t i = 0; i < leaves.size(); ++i) must_hold(leaves[i], expected);
    REQUIRE(expected == model.end());
    // And back, with keys of their own.
    auto before = model.rbegin();
    for (std::size_t i = leaves.size(); i-- > 0;) {
        for (std::size_t at = leaves[i].view().count(); at-- > 0; ++before) {
            node_key key;
            REQUIRE(leaves[i].view().copy_key(at, key));
            REQUIRE(key.view() == before->first);
        }
    }
}

// The place of any key is the one that the model says.
void must_find(const row& leaves, const leaf_model& model, const std::string& key) {
    const auto view = leaves[leaves.index_of(key)].view();
    const auto expected = model.lower_bound(key);
    const auto place = view.lower_bound(key);
    const bool there = expected != model.end() && expected->first == key;
    REQUIRE(place.answer == (there ? node_answer::found : node_answer::absent));
    node_key_parts found;
    if (place.at < view.count()) {
        REQUIRE(view.read_key(place.at, found));
        REQUIRE(joined(found) == expected->first);
    }
    if (place.at > 0) {
        REQUIRE(view.read_key(place.at - 1, found));
        REQUIRE(joined(found) < key);
    }
}

stored random_payload(std::mt19937_64& random, const std::string& key, node_limits limits,
                      std::uint64_t step) {
    const std::size_t longest = limits.page_bytes / 4;
    const std::size_t size = random() % 4 == 0 ? random() % (longest + 1) : random() % 24;
    if (!limits.takes(key.size(), size)) return {std::string(16, 'r'), true, lsn{step}};
    return {std::string(size, static_cast<char>('a' + step % 26)), false, lsn{step}};
}

class leaf_life {
public:
    leaf_life(std::size_t page_bytes, std::uint64_t seed)
        : limits_{page_bytes}, random_{seed}, leaves_{page_bytes, 0} {}

    void run(std::size_t steps) {
        for (std::size_t step = 1; step <= steps; ++step) {
            // Grows for a while, then shrinks, so that nodes are split and merged again.
            const bool growing = step / (steps / 4) % 2 == 0;
            const std::string key = pick_key();
            if (random_() % 8 < (growing ? 6u : 2u)) put(key, step);
            else erase(key);
            must_find(leaves_, model_, random_key(random_, limits_.key_bytes()));
            if (step % 512 == 0) must_equal(leaves_, model_);
        }
        must_equal(leaves_, model_);
        while (!model_.empty()) erase(model_.begin()->first);
        REQUIRE(merges > 0);
        REQUIRE(splits > 0);
    }
    std::size_t splits = 0;
    std::size_t merges = 0;

private:
    std::string pick_key() {
        if (random_() % 3 == 0 && !model_.empty()) {
            const auto near = model_.lower_bound(random_key(random_, limits_.key_bytes()));
            if (near != model_.end()) return near->first;
        }
        return random_key(random_, limits_.key_bytes());
    }
    void put(const std::string& key, std::uint64_t step) {
        const stored value = random_payload(random_, key, limits_, step);
        const std::size_t before = leaves_.size();
        const std::size_t at = leaves_.put(key, payload_of(value), value.version);
        REQUIRE(at != nowhere);
        model_[key] = value;
        splits += leaves_.size() - before;
        REQUIRE(leaves_[at].damage() == "");
        if (leaves_.size() == before) return;
        if (at > 0) REQUIRE(leaves_[at - 1].damage() == "");
        if (at + 1 < leaves_.size()) REQUIRE(leaves_[at + 1].damage() == "");
    }
    void erase(const std::string& key) {
        const std::size_t at = leaves_.index_of(key);
        const auto place = leaves_[at].view().lower_bound(key);
        REQUIRE((place.answer == node_answer::found) == (model_.erase(key) == 1));
        if (place.answer != node_answer::found) return;
        leaves_[at].node().erase(place.at);
        REQUIRE(leaves_[at].damage() == "");
        if (random_() % 8 == 0) leaves_[at].node().compact();
        if (leaves_.merge(at)) ++merges;
        REQUIRE(leaves_[at].damage() == "");
    }

    node_limits limits_;
    std::mt19937_64 random_;
    row leaves_;
    leaf_model model_;
};

using child_model = std::map<std::string, std::uint64_t>;  // the child behind each separator

class inner_life {
public:
    inner_life(std::size_t page_bytes, std::uint64_t seed)
        : limits_{page_bytes}, random_{seed}, nodes_{page_bytes, 3} {}

    void run(std::size_t steps) {
        for (std::size_t step = 1; step <= steps; ++step) {
            const bool growing = step / (steps / 4) % 2 == 0;
            if (random_() % 8 < (growing ? 6u : 2u)) put(step);
            else erase();
            must_lead(random_key(random_, limits_.key_bytes()));
        }
        for (const auto& [separator, child] : model_) must_lead(separator);
        REQUIRE(merges > 0);
        REQUIRE(splits > 0);
    }
    std::size_t splits = 0;
    std::size_t merges = 0;

private:
    void put(std::uint64_t step) {
        const std::string separator = random_key(random_, limits_.key_bytes());
        if (separator.empty() || model_.count(separator) != 0) return;
        const std::size_t before = nodes_.size();
        const std::size_t at = nodes_.put_child(separator, row::first_child + step);
        REQUIRE(at != nowhere);
        model_[separator] = row::first_child + step;
        splits += nodes_.size() - before;
        for (std::size_t i = at == 0 ? 0 : at - 1; i < nodes_.size() && i <= at + 1; ++i)
            REQUIRE(nodes_[i].damage() == "");
    }
    void erase() {
        const std::size_t at = random_() % nodes_.size();
        const std::size_t count = nodes_[at].view().count();
        if (count != 0) {
            const std::size_t slot = random_() % count;
            node_key_parts separator;
            REQUIRE(nodes_[at].view().read_key(slot, separator));
            model_.erase(joined(separator));
            nodes_[at].node().erase_child(slot);
            REQUIRE(nodes_[at].damage() == "");
        }
        if (nodes_.merge(at)) ++merges;
        REQUIRE(nodes_[at].damage() == "");
    }
    void must_lead(const std::string& key) {
        const auto view = nodes_[nodes_.index_of(key)].view();
        const auto place = view.child_of(key);
        REQUIRE(place.answer != node_answer::malformed);
        std::uint64_t child = 0;
        REQUIRE(view.read_child(place.at, child));
        const auto behind = model_.upper_bound(key);
        REQUIRE(child == (behind == model_.begin() ? row::first_child : std::prev(behind)->second));
    }

    node_limits limits_;
    std::mt19937_64 random_;
    row nodes_;
    child_model model_;
};

std::string big_endian(std::uint64_t number) {
    std::string key(8, '\0');
    for (std::size_t i = 8; i-- > 0; number >>= 8) key[i] = static_cast<char>(number & 0xff);
    return key;
}

}  // namespace

TEST_CASE("a level of leaves holds what a sorted map holds, whatever is put, replaced and erased") {
    for (const std::size_t size : page_sizes) {
        CAPTURE(size);
        leaf_life{size, size}.run(12000 / one_in);
    }
}

TEST_CASE("inner nodes lead each key to its child, through splits and merges") {
    for (const std::size_t size : page_sizes) {
        CAPTURE(size);
        inner_life{size, size + 1}.run(size >= 16384 ? 10000 / one_in : 5000 / one_in);
    }
}

TEST_CASE("ascending keys leave leaves behind that are more than nine tenths full") {
    for (const std::size_t size : page_sizes) {
        if (size < 4096) continue;  // one entry that does not fit is much of a smaller page
        for (const bool text : {false, true}) {
            row leaves{size, 0};
            for (std::uint64_t i = 0; i < 3000; ++i) {
                const std::string key =
                    text ? "user-" + std::to_string(10'000'000 + i) : big_endian(i);
                const std::string value(text ? 100 : size / 40, 'v');
                REQUIRE(leaves.put(key, {value}, lsn{i}) != nowhere);
            }
            REQUIRE(leaves.size() > 2);
            for (std::size_t i = 0; i + 1 < leaves.size(); ++i) {
                CAPTURE(size);
                CAPTURE(text);
                CHECK(leaves[i].damage() == "");
                CHECK(leaves[i].view().fill_percent() > (leaves[i].view().is_dense() ? 80 : 90));
            }
        }
    }
}

// A node without an upper fence has no prefix; the cut gives it one, and so much room.
TEST_CASE("ascending separators leave inner nodes behind that keep all but the one that moves up") {
    for (const std::size_t size : page_sizes) {
        if (size < 1024) continue;
        row nodes{size, 1};
        for (std::uint64_t i = 1; i < 6000; ++i)
            REQUIRE(nodes.put_child(big_endian(i << 32), row::first_child + i) != nowhere);
        REQUIRE(nodes.size() > 2);
        for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
            CHECK(nodes[i].damage() == "");
            const std::size_t whole = node_limits::inner_entry_bytes(8);
            const std::size_t room = size - 112 - nodes[i].view().fences().lower.size();
            CHECK(nodes[i].view().count() == room / whole - 1);
        }
    }
}

TEST_CASE("a separator is above the left keys, not above the right ones, and no byte too long") {
    std::mt19937_64 random{3};
    for (std::size_t round = 0; round < 300 / one_in; ++round) {
        const std::size_t size = page_sizes[round % 3];
        row leaves{size, 0};
        for (std::uint64_t step = 0; leaves.size() == 1; ++step)
            REQUIRE(leaves.put(random_key(random, size / 8), {}, lsn{step}) != nowhere);
        const auto left = leaves[0].view();
        const auto right = leaves[1].view();
        const std::string separator = left.fences().upper.as<std::string>();
        CHECK(separator == right.fences().lower.as<std::string>());
        node_key last;
        node_key first;
        REQUIRE(left.copy_key(left.count() - 1, last));
        REQUIRE(right.copy_key(0, first));
        CHECK(last.view() < bytes_view{separator});
        CHECK(first.view() >= bytes_view{separator});
        const std::string shorter = separator.substr(0, separator.size() - 1);
        CHECK_FALSE((last.view() < bytes_view{shorter} && first.view() >= bytes_view{shorter}));
    }
}

TEST_CASE("the largest entries that are allowed can be put, split and put again in any page") {
    for (const std::size_t size : page_sizes) {
        const node_limits limits{size};
        std::mt19937_64 random{size};
        for (std::size_t key_size = 1; key_size <= limits.key_bytes(); key_size += size / 64) {
            std::size_t payload = size / 4;
            while (!limits.takes(key_size, payload)) --payload;
            CHECK(payload >= 16);
            row leaves{size, 0};
            row nodes{size, 1};
            for (std::uint64_t i = 1; i < 60; ++i) {
                std::string key(key_size, '\0');
                for (char& letter : key) letter = static_cast<char>(random());
                REQUIRE(leaves.put(key, {std::string(payload, 'v')}, lsn{i}) != nowhere);
                if (key_size < 4) continue;
                REQUIRE(nodes.put_child(key, row::first_child + i) != nowhere);
            }
            for (std::size_t i = 0; i < leaves.size(); ++i) REQUIRE(leaves[i].damage() == "");
            for (std::size_t i = 0; i < nodes.size(); ++i) REQUIRE(nodes[i].damage() == "");
        }
    }
}

namespace {

// A key of the greatest length; they differ in the last byte only, and so do their separators.
std::string longest_key(node_limits limits, std::size_t number) {
    std::string key(limits.key_bytes(), 'b');
    key.back() = static_cast<char>(number);
    return key;
}
// Fences that are as long, and share nothing.
void init_between_longest_fences(page& node, bool leaf) {
    const std::size_t size = node.size() / 8;
    const std::string lower(size, 'a');
    const std::string upper(size, 'c');
    if (leaf) node.node().init_leaf(node.owner(), {lower, upper});
    else node.node().init_inner(1, node.owner(), {lower, upper}, 1000);
}

}  // namespace

TEST_CASE("between the longest fences, too, a full leaf is split so that the next entry fits") {
    std::mt19937_64 random{17};
    for (std::size_t round = 0; round < 2000 / one_in; ++round) {
        page left{page_sizes[round % 3], 1};
        page right{left.size(), 2};
        const node_limits limits{left.size()};
        std::size_t most = left.size() / 4;
        while (!limits.takes(limits.key_bytes(), most)) --most;
        init_between_longest_fences(left, true);
        for (;;) {
            const std::string key = longest_key(limits, random() % 100);
            // Nearly the largest ones are the hardest to divide.
            const std::size_t below = random() % (random() % 4 == 0 ? most
                                                  : most < 160      ? most
                                                                    : 160);
            const std::string value(most - below, 'v');
            const auto place = left.view().lower_bound(key);
            const bool there = place.answer == node_answer::found;
            const auto put = [&](page& into, std::size_t at) {
                return there ? into.node().replace(at, key, {value}, lsn{1})
                             : into.node().insert(at, key, {value}, lsn{1});
            };
            if (put(left, place.at)) continue;
            const auto plan = left.node().plan_leaf_split(place.at, there, key, value.size());
            left.node().split(plan, right.node(), 2);
            page& into = key < plan.separator.view().as<std::string>() ? left : right;
            REQUIRE(put(into, into.view().lower_bound(key).at));
            REQUIRE(left.view().count() > 0);
            REQUIRE(right.view().count() > 0);
            REQUIRE(left.damage() == "");
            REQUIRE(right.damage() == "");
            break;
        }
    }
}

TEST_CASE("between the longest fences, too, both halves of an inner node take a separator") {
    for (const std::size_t size : page_sizes) {
        for (std::size_t next = 0; next < 5; ++next) {
            page left{size, 1};
            page right{size, 2};
            const node_limits limits{size};
            init_between_longest_fences(left, false);
            std::size_t count = 0;
            while (left.node().insert_child(count, longest_key(limits, 2 * count + 1), count + 9))
                ++count;
            CHECK(count >= (size < 1024 ? 3 : 4));
            const auto plan = left.node().plan_inner_split(next < count ? next : count);
            left.node().split(plan, right.node(), 2);
            REQUIRE(left.view().count() > 0);
            REQUIRE(right.view().count() > 0);
            REQUIRE(left.node().insert_child(0, longest_key(limits, 0), 7));
            REQUIRE(right.node().insert_child(right.view().count(), longest_key(limits, 100), 8));
            REQUIRE(left.damage() == "");
            REQUIRE(right.damage() == "");
        }
    }
}

TEST_CASE("a leaf that is full says so, unchanged, and takes a payload of the same size") {
    page leaf{1024, 5};
    leaf.node().init_leaf(leaf.owner(), {"a", "b"});
    const std::string value(100, 'v');
    std::size_t count = 0;
    std::string key = "a0";
    while (leaf.node().insert(count, key, {value}, lsn{1})) ++count, ++key[1];
    const std::vector<std::byte> before(leaf.data(), leaf.data() + leaf.size());
    CHECK_FALSE(leaf.node().insert(count, key, {value}, lsn{1}));
    CHECK_FALSE(leaf.node().replace(0, "a0", {std::string(250, 'v')}, lsn{1}));
    CHECK(std::equal(before.begin(), before.end(), leaf.data()));
    CHECK(leaf.node().replace(0, "a0", {std::string(100, 'w')}, lsn{9}));
    CHECK(leaf.damage() == "");
    leaf_entry entry;
    REQUIRE(leaf.view().read_leaf_entry(0, entry));
    CHECK(entry.payload.value == std::string(100, 'w'));
    CHECK(entry.version == lsn{9});
    leaf.node().erase(1);
    leaf.node().erase(1);
    CHECK(leaf.node().replace(0, "a0", {std::string(250, 'x')}, lsn{10}));
    CHECK(leaf.damage() == "");
}

TEST_CASE("merging makes the prefix shorter and counts that before") {
    page left{1024, 1};
    page right{1024, 2};
    left.node().init_leaf(left.owner(), {"common-1", "common-2"});
    right.node().init_leaf(right.owner(), {"common-2", "d"});
    CHECK(left.view().prefix() == "common-");
    CHECK(right.view().prefix().empty());
    for (std::size_t i = 0; i < 20; ++i)
        REQUIRE(left.node().insert(i, "common-1" + std::to_string(10 + i), {"value"}, lsn{i}));
    REQUIRE(right.node().insert(0, "common-3", {"value"}, lsn{30}));
    const std::size_t apart = left.view().bytes_used() + right.view().bytes_used();
    const std::size_t together = left.node().bytes_merged(right.node());
    CHECK(together == apart - 112 - 2 * 8 + 20 * 7);
    left.node().merge(right.node());
    CHECK(left.view().bytes_used() == together);
    CHECK(left.damage() == "");
    CHECK(left.view().prefix().empty());
    CHECK(left.view().count() == 21);
    node_key key;
    REQUIRE(left.view().copy_key(0, key));
    CHECK(key.view() == "common-110");
}
