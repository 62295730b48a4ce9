// SPDX-License-Identifier: BSL-1.0
// Any bytes as a page: reading never leaves it; and what verify_node() calls sound takes every
// operation and stays sound.
//
// The first byte chooses the size of the page and whether its header is made plausible, so that the
// fuzzer gets behind it; the next eight draw the operations; the rest is the page. A page that is
// not sound is also filled by drawn operations from an empty node on, for those are judged too.
#include <mantis/index/btree/slotted_node.hpp>
#include <mantis/index/btree/slotted_verify.hpp>

#include <random>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr node_owner owner{table_id{1}, 1};

struct page {
    explicit page(std::size_t size) : words(size / 8) {}
    std::byte* data() { return reinterpret_cast<std::byte*>(words.data()); }
    slotted_node<> node() { return {data(), words.size() * 8}; }
    bool sound() { return bool{verify_node(node().view(), owner)}; }
    std::vector<std::uint64_t> words;
};

// Adds up what it sees, so that every byte of every view is looked at.
std::size_t read_all(slotted_view<> view, bytes_view key) {
    std::size_t sum = view.bytes_used() + view.free_bytes();
    const auto look = [&](bytes_view part) {
        for (const std::byte byte : part) sum += std::to_integer<std::size_t>(byte);
    };
    look(view.prefix());
    look(view.fences().lower);
    look(view.fences().upper);
    for (std::size_t at = 0; at <= view.count(); ++at) {
        leaf_entry entry;
        node_key own;
        std::uint64_t child = 0;
        if (view.read_leaf_entry(at, entry)) look(entry.payload.value);
        if (view.read_child(at, child)) sum += child;
        if (!view.copy_key(at, own)) continue;
        look(own.view());
        sum += view.lower_bound(own.view()).at;
    }
    const node_place place = view.lower_bound(key);
    check(place.at <= view.count(), "a place behind the end");
    check(view.child_of(key).at <= view.count(), "a child behind the last");
    return sum;
}

void must_be_found(slotted_view<> view) {
    for (std::size_t at = 0; at < view.count(); ++at) {
        node_key key;
        check(view.copy_key(at, key), "a sound page has a key that cannot be read");
        const node_place place = view.lower_bound(key.view());
        check(place.answer == node_answer::found && place.at == at,
              "a sound page has a key that is not found");
    }
}

class operations {
public:
    operations(std::uint64_t seed, std::size_t size) : random_{seed}, limits_{size} {}

    void run(page& on) {
        for (std::size_t step = 0; step < 96; ++step) {
            const std::size_t before = on.node().view().count();
            one(on, step);
            check(on.sound(), "an operation has left a page that is not sound");
            check(on.node().view().count() + 100 > before, "entries are gone");
        }
        must_be_found(on.node().view());
    }

private:
    // A key between the fences, near those that are there.
    std::string key(slotted_view<> view) {
        std::string made = view.fences().lower.as<std::string>();
        node_key near;
        if (view.is_leaf() && made.size() >= 6 && random_() % 64 != 0) {
            // Ids, so that leaves become dense.
            made.resize(6);
            made.push_back(static_cast<char>(random_() % 2));
            made.push_back(static_cast<char>(random_() % 256));
            if (is_inside(view, made)) return made;
            made = view.fences().lower.as<std::string>();
        }
        if (view.count() != 0 && view.copy_key(random_() % view.count(), near))
            made = near.view().as<std::string>();
        for (std::size_t more = random_() % 6; more > 0; --more)
            made.push_back(static_cast<char>(random_() % 4 == 0 ? 255 : random_() % 3));
        if (random_() % 16 == 0) made.append(limits_.key_bytes(), 'k');
        if (made.size() > limits_.key_bytes()) made.resize(limits_.key_bytes());
        return is_inside(view, made) ? made : view.fences().lower.as<std::string>();
    }
    static bool is_inside(slotted_view<> view, const std::string& key) {
        const fence_keys fences = view.fences();
        return bytes_view{key} >= fences.lower &&
               (fences.upper.empty() || bytes_view{key} < fences.upper);
    }
    void one(page& on, std::size_t step) {
        const slotted_view<> view = on.node().view();
        const std::string wanted = key(view);
        switch (random_() % 8) {
            case 0: return on.node().compact();
            case 1:
            case 2:
                if (view.count() == 0) return;
                return view.is_leaf() ? on.node().erase(random_() % view.count())
                                      : on.node().erase_child(random_() % view.count());
            default: return view.is_leaf() ? put(on, wanted, step) : put_child(on, wanted, step);
        }
    }
    void put(page& on, const std::string& wanted, std::size_t step) {
        const bool small = random_() % 8 != 0;
        const std::string value(random_() % (small ? 8 : limits_.page_bytes / 4 + 1), 'v');
        const bool inline_value = limits_.takes(wanted.size(), value.size());
        const std::string reference(16, 'r');
        const node_payload payload{inline_value ? value : reference, !inline_value};
        const node_place place = on.node().view().lower_bound(wanted);
        const bool there = place.answer == node_answer::found;
        const auto attempt = [&](page& into) {
            const std::size_t at = into.node().view().lower_bound(wanted).at;
            return there ? into.node().replace(at, wanted, payload, lsn{step})
                         : into.node().insert(at, wanted, payload, lsn{step});
        };
        if (attempt(on)) return;
        cut(on, on.node().plan_leaf_split(place.at, there, wanted, payload.value.size()), wanted,
            attempt);
    }
    void put_child(page& on, const std::string& wanted, std::size_t step) {
        const node_place place = on.node().view().child_of(wanted);
        // What is there, and the lower fence itself, is no new separator.
        if (on.node().view().lower_bound(wanted).answer == node_answer::found) return;
        if (on.node().view().fences().lower == wanted) return;
        const auto attempt = [&](page& into) {
            const std::size_t at = into.node().view().child_of(wanted).at;
            return into.node().insert_child(at, wanted, 2 + step);
        };
        if (attempt(on)) return;
        cut(on, on.node().plan_inner_split(place.at), wanted, attempt);
    }
    template <class Attempt>
    void cut(page& on, const node_split& plan, bytes_view wanted, Attempt attempt) {
        page right{limits_.page_bytes};
        on.node().split(plan, right.node(), owner.page);
        check(on.sound() && right.sound(), "a split has left a page that is not sound");
        page& half = wanted < plan.separator.view() ? on : right;
        const bool in = attempt(half);
        // What a dense leaf does not take may want more than one split.
        check(in || half.node().view().is_dense(), "a split has made no room");
        check(on.sound() && right.sound(), "an insert has left a page that is not sound");
        if (on.node().bytes_merged(right.node()) <= limits_.page_bytes)
            on.node().merge(right.node());
        else if (random_() % 2 == 0) on.words.swap(right.words);
    }

    std::mt19937_64 random_;
    node_limits limits_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 9) return 0;
    const unsigned choice = data[0];
    std::uint64_t seed = 0;
    std::memcpy(&seed, data + 1, sizeof seed);
    page any{std::size_t{512} << choice % 7};
    const std::size_t page_bytes = any.words.size() * 8;
    std::memcpy(any.data(), data + 9, size - 9 < page_bytes ? size - 9 : page_bytes);
    if ((choice & 0x80) != 0) {
        any.data()[0] = std::byte{1};
        any.data()[1] = std::byte(choice % 3 == 0 ? 4 : 1 + (choice >> 6) % 2);
        store_le(any.data() + 24, owner.table.value);
        store_le(any.data() + 32, owner.page);
    }
    const std::size_t of_any =
        read_all(any.node().view(), {data + 9, size - 9 < 64 ? size - 9 : 64});
    if (any.sound()) {
        must_be_found(any.node().view());
        operations{seed, page_bytes}.run(any);
        return 0;
    }
    page own{page_bytes};
    if ((choice & 0x40) != 0) own.node().init_leaf(owner, {choice % 2 == 0 ? "" : "000000", {}});
    else own.node().init_inner(1, owner, {}, 2);
    operations{seed, page_bytes}.run(own);
    // Now some of the input's bytes over a sound page.
    for (std::size_t at = 9; at + 3 < size && at < 9 + 30; at += 3) {
        const std::size_t where = (data[at] | std::size_t{data[at + 1]} << 8) % page_bytes;
        own.data()[where] = std::byte{data[at + 2]};
    }
    const std::size_t of_own = read_all(own.node().view(), "key");
    if (own.sound()) operations{seed, page_bytes}.run(own);
    // Uses the sums, so that nobody leaves the reads out.
    return of_any + of_own == ~std::size_t{0} ? -1 : 0;
}
