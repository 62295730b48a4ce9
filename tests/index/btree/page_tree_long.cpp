// SPDX-License-Identifier: BSL-1.0
//
// Long lives of a page_tree beside a sorted map, with so few frames that most pages come from the
// source again: everything a tree can do, in pages of every size.
//
// MANTIS_LONG: 10 million operations in pages of each size. MANTIS_TREE_SEED: another life than
// that of seed 1; MANTIS_TREE_OPERATIONS: another length. What fails names the seed, the page size
// and the operation.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/platform/posix.hpp>

#include <cstdlib>
#include <optional>

using namespace tree_tests;

namespace {

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}
std::uint64_t operation_count() {
    const bool long_one = std::getenv("MANTIS_LONG") != nullptr;
    return number_of("MANTIS_TREE_OPERATIONS", long_one ? 10'000'000 : 30'000) / one_in;
}

class long_life {
    using pool_type = buffer_pool<posix, memory_source<posix>>;
    using numbers_type = free_page_numbers<posix>;
    using tree_type = page_tree<pool_type, numbers_type>;
    using cursor_type = page_tree_cursor<pool_type, numbers_type>;

public:
    std::uint64_t step = 0;

    long_life(std::size_t page_bytes, std::uint64_t seed)
        : page_bytes_{page_bytes}, random_{seed * 1'000'003 + page_bytes} {
        make_pool(12);
        const page_id root = numbers_->take().value();
        tree_.emplace(tree_type::create(*pages_, *numbers_, table, root).value());
    }

    void run(std::uint64_t steps) {
        const std::uint64_t phase = steps / 20 < 40'000 ? steps / 20 + 1 : 40'000;
        for (step = 1; step <= steps; ++step) {
            if (step % phase == 0) {
                grows_ = random_() % 10 < (model_.size() < 5000 ? 9u : 4u);
                must_be_right();
                if (random_() % 2 == 0) open_again();
            }
            act();
        }
        must_be_right();
        must(tree_->erase_range({}, {}).value() == model_.size(), "another count was erased");
        model_.clear();
        must_be_right();
        must(numbers_->used_count() == 1, "a page is lost");
    }
    std::uint64_t reads() { return reads_ + pages_->stats().reads; }

private:
    void act() {
        const std::uint64_t what = random_() % 1000;
        if (what < 700) change(what < (grows_ ? 560 : 220));
        else if (what < 850) must(has(*tree_, model_, drawn_key()), "another entry was found");
        else if (what < 890) scan();
        else if (what < 930) scan_back();
        else if (what < 970) walk();
        else if (what < 999) estimate();
        else erase_range();
    }
    static void must(bool right, const char* what) {
        if (!right) FAIL(std::string{what});
    }
    std::string drawn_key() {
        if (random_() % 4 == 0) return random_key(random_, page_bytes_ / 8);
        return "id-" + big_endian(random_() % 12'000).substr(5);
    }
    std::size_t drawn_value_bytes() {
        const std::uint64_t what = random_() % 4000;
        if (what == 0) return random_() % (40 * page_bytes_);
        if (what < 60) return random_() % (5 * page_bytes_);
        if (what < 400) return random_() % (page_bytes_ / 2);
        return what % 28;
    }
    void change(bool puts) {
        std::string key = drawn_key();
        if (puts) {
            const std::string value = patterned(drawn_value_bytes(), step);
            must(static_cast<bool>(tree_->put(key, value, lsn{step})), "a put has failed");
            model_[key] = {value, step};
            return;
        }
        const auto near = model_.lower_bound(key);
        if (random_() % 4 != 0 && near != model_.end()) key = near->first;
        const bool was_there = model_.erase(key) != 0;
        must(tree_->erase(key).value() == was_there, "another answer of an erase");
    }
    static bool same(model::const_iterator at, bytes_view key, bytes_view value, lsn version) {
        return key == bytes_view{at->first} && value == bytes_view{at->second.value} &&
               version.value == at->second.version;
    }
    void scan() {
        const std::string from = drawn_key();
        std::uint64_t left = random_() % 60;
        auto at = model_.lower_bound(from);
        const auto done = tree_->scan(from, [&](bytes_view key, bytes_view value, lsn version) {
            must(at != model_.end() && same(at, key, value, version), "another entry in a scan");
            ++at;
            return left-- != 0;
        });
        must(done && (at == model_.end() || left == UINT64_MAX), "a scan has ended early");
    }
    void scan_back() {
        const std::string below = drawn_key();
        std::uint64_t left = random_() % 60;
        const bool whole = random_() % 8 == 0;
        auto at = whole ? model_.end() : model_.lower_bound(below);
        const auto each = [&](bytes_view key, bytes_view value, lsn version) {
            must(at != model_.begin() && same(std::prev(at), key, value, version),
                 "another entry in a scan back");
            --at;
            return left-- != 0;
        };
        const auto done = whole ? tree_->scan_back(each) : tree_->scan_back(below, each);
        must(done && (at == model_.begin() || left == UINT64_MAX), "a scan back has ended early");
    }
    // Back and forth, while entries come and go.
    void walk() {
        const std::string from = drawn_key();
        cursor_type cursor{*tree_};
        const bool seeks_below = random_() % 2 == 0;
        auto on = seeks_below ? cursor.seek_below(from) : cursor.seek(from);
        auto at = model_.lower_bound(from);
        if (seeks_below && at == model_.begin()) return must(on && !*on, "something is below all");
        if (seeks_below) --at;
        for (std::uint64_t left = random_() % 24;; --left) {
            must(on && *on == (at != model_.end()), "a cursor stands elsewhere");
            if (!*on || left == 0) return;
            must(same(at, cursor.key(), cursor.value(), cursor.version()),
                 "a cursor has another entry");
            const std::string here = at->first;
            if (random_() % 8 == 0) change(random_() % 2 == 0);
            if (random_() % 3 != 0) {
                on = cursor.next();
                at = model_.upper_bound(here);
            } else {
                on = cursor.previous();
                at = model_.lower_bound(here);
                if (at == model_.begin()) return must(on && !*on, "something is below all");
                --at;
            }
        }
    }
    void estimate() {
        std::string from = drawn_key();
        const std::string to = random_() % 8 == 0 ? "" : drawn_key();
        if (random_() % 8 == 0) from = "";
        const auto about = tree_->estimate(from, to);
        must(static_cast<bool>(about), "an estimate has failed");
        const bool is_none = !to.empty() && to <= from;
        must(!is_none || *about == 0, "there is something between nothing");
        must(*about <= 1000 + 100 * model_.size(), "an estimate makes no sense");
        if (model_.size() > 5) return;
        if (tree_->verify()->height == 1 && !is_none) {
            const auto end = to.empty() ? model_.end() : model_.lower_bound(to);
            must(
                static_cast<std::ptrdiff_t>(*about) == std::distance(model_.lower_bound(from), end),
                "an estimate of one leaf is not exact");
        }
    }
    // Mostly few, seldom a third of all.
    void erase_range() {
        const std::string from = drawn_key();
        const auto first = model_.lower_bound(from);
        auto last = first;
        std::size_t most = random_() % 100 == 0 ? model_.size() / 3 : random_() % 60;
        std::uint64_t count = 0;
        for (; most-- != 0 && last != model_.end(); ++count) ++last;
        const std::string to = last == model_.end() ? "" : last->first;
        if (last != model_.end() && to.empty()) return;  // before the empty key: it has no name
        must(tree_->erase_range(from, to).value() == count, "another count was erased");
        model_.erase(first, last);
    }

    void must_be_right() {
        const auto seen = tree_->verify();
        if (!seen) FAIL(seen.error().message().as<std::string>());
        must(seen->entries == model_.size(), "another count of entries");
        must(seen->pages() == numbers_->used_count(), "numbers are lost");
        must(pages_->stats().pinned == 0, "a page is held");
        const std::string wrong = difference(*tree_, model_);
        if (!wrong.empty()) FAIL(wrong);
    }
    void make_pool(std::size_t frames) {
        if (pages_) reads_ += pages_->stats().reads;
        pages_.emplace(disk_, [&] {
            auto options = room_for<pool_type>(frames, page_bytes_);
            options.memory_bytes += MiB - options.translation_bytes;
            options.translation_bytes = MiB;
            return options;
        }());
        numbers_.emplace(page_id{100'000});
    }
    // From what was written, in a pool of another size.
    void open_again() {
        must(static_cast<bool>(pages_->flush()), "a flush has failed");
        const page_id root = tree_->root();
        tree_.reset();
        make_pool(3 + random_() % 60);
        auto opened = tree_type::open(*pages_, *numbers_, table, root);
        must(static_cast<bool>(opened), "it cannot be opened");
        tree_.emplace(*opened);
        must(static_cast<bool>(
                 tree_->verify([&](page_id page) { return numbers_->note_used(page); })),
             "it is damaged after an opening");
    }

    const std::size_t page_bytes_;
    std::mt19937_64 random_;
    memory_source<posix> disk_;
    std::optional<pool_type> pages_;
    std::optional<numbers_type> numbers_;
    std::optional<tree_type> tree_;
    model model_;
    bool grows_ = true;
    std::uint64_t reads_ = 0;
};

void live(std::size_t page_bytes) {
    const std::uint64_t seed = number_of("MANTIS_TREE_SEED", 1);
    long_life life{page_bytes, seed};
    CAPTURE(seed);
    CAPTURE(page_bytes);
    CAPTURE(life.step);
    life.run(operation_count());
    CHECK(life.reads() > operation_count() / 20);  // pages left and came back
}

}  // namespace

TEST_CASE("long: a tree and a sorted map stay the same, in pages of 512 bytes") { live(512); }
TEST_CASE("long: a tree and a sorted map stay the same, in pages of 1 KiB") { live(1024); }
TEST_CASE("long: a tree and a sorted map stay the same, in pages of 2 KiB") { live(2048); }
TEST_CASE("long: a tree and a sorted map stay the same, in pages of 4 KiB") { live(4096); }
TEST_CASE("long: a tree and a sorted map stay the same, in pages of 8 KiB") { live(8192); }
TEST_CASE("long: a tree and a sorted map stay the same, in pages of 16 KiB") { live(16384); }
