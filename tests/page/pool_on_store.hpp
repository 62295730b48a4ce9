// SPDX-License-Identifier: BSL-1.0
//
// A bank for tests: balances in the pages of a buffer pool over a page store, moved by threads
// while epochs end and are committed, and pages that come and go.
#pragma once

#include "page_life.hpp"

#include <mantis/page/buffer_pool.hpp>
#include <mantis/sync/optimistic_latch.hpp>

namespace page_test {

struct bank_books {
    static constexpr std::uint64_t accounts = 6;
    static constexpr std::uint64_t pages = 10;  // those behind the accounts come and go
    struct balances {
        std::uint64_t of[pages + 1] = {};  // 0: the page is not there
    };
    std::vector<bytes> deltas;  // durable
    balances committed;
};

template <class Platform>
struct stored_bank {
    using store = page_store<Platform>;
    using pool = buffer_pool<Platform, store>;
    using balances = bank_books::balances;
    static constexpr std::uint64_t accounts = bank_books::accounts;
    static constexpr std::uint64_t page_count = bank_books::pages;

    bank_books* books;
    typename Platform::directory in;
    store disk;
    pool pages;
    segment_cleaner<store> cleaner;
    optimistic_latch<Platform> barrier;  // shared by who changes, exclusively by who ends an epoch
    balances now;                        // each under the latch of its page, or of one thread
    typename Platform::template atomic<std::uint64_t> wrong{0};
    std::uint32_t epoch = 1;  // of the pool; changed under the barrier
    std::uint32_t commits = 0;

    stored_bank(bank_books& of, typename Platform::directory folder, std::size_t frames,
                std::size_t side_copies)
        : books{&of},
          in{std::move(folder)},
          disk{in, page_life<Platform>::options()},
          pages{disk, room(frames, side_copies)},
          cleaner{disk, {.below_percent = 90}} {}

    // 30 images fill a segment.
    static buffer_pool_options room(std::size_t frames, std::size_t side_copies) {
        buffer_pool_options options;
        options.page_bytes = 2048;
        options.translation_bytes = 4096;
        options.clean_percent = 0;
        options.side_bytes = 1 + side_copies * pool::side_copy_bytes(2048);
        options.memory_bytes =
            options.translation_bytes + options.side_bytes + frames * pool::frame_bytes(2048);
        return options;
    }
    bool open() {
        for (const bytes& delta : books->deltas)
            if (!disk.load(delta)) return false;
        now = books->committed;
        return disk.opened().has_value();
    }
    bool begin() {
        for (std::uint64_t number = 1; number <= accounts; ++number) {
            auto made = pages.make({number});
            if (!made) return false;
            put(*made, 1'000);
        }
        return true;
    }
    static std::uint64_t balance(const std::byte* page) {
        std::uint64_t value;
        std::memcpy(&value, page, sizeof value);
        return value;
    }
    void put(exclusive_page<Platform>& page, std::uint64_t value) {
        page.template store<std::uint64_t>(0, value);
        page.template store<std::uint64_t>(504, value);
        now.of[page.page().value] = value;
    }
    //   Returns     whether it could
    bool move(std::uint64_t from, std::uint64_t to, std::uint64_t amount) {
        if (from == to) return true;
        barrier.lock_shared();
        const bool done = move_between(from, to, amount);
        barrier.unlock_shared();
        return done;
    }
    // By one thread for each page.
    bool come_or_go(std::uint64_t number, std::uint64_t value) {
        barrier.lock_shared();
        const bool done = now.of[number] == 0 ? come(number, value) : go(number);
        barrier.unlock_shared();
        return done;
    }
    bool checkpoint(bool clean) {
        barrier.lock();
        const std::uint32_t ended = pages.begin_epoch();
        epoch = ended + 1;
        const balances at_end = now;
        barrier.unlock();
        disk.begin_commit(ended);
        if (!pages.write_epoch(ended)) return false;
        const auto changed = disk.prepare(ended);
        if (!changed) return false;
        books->deltas.push_back(disk.changes({1}, *changed).part.encode());
        books->committed = at_end;
        disk.committed(ended);
        ++commits;
        if (clean && !cleaner.clean_once()) return false;
        return true;
    }
    // The pages are those of the books; through the pool, so that they pass its frames.
    void check_books() {
        for (std::uint64_t number = 1; number <= page_count; ++number) {
            std::uint64_t one = 0;
            std::uint64_t other = 0;
            const auto seen = pages.read({number}, [&](const auto& page) {
                one = page.template load<std::uint64_t>(0);
                other = page.template load<std::uint64_t>(504);
            });
            const std::uint64_t has = books->committed.of[number];
            if (has == 0 ? bool{seen} || seen.error().code() != error_code::not_found
                         : !seen || one != has || other != has)
                wrong.fetch_add(1);
        }
    }

private:
    bool move_between(std::uint64_t from, std::uint64_t to, std::uint64_t amount) {
        auto first = pages.change({from < to ? from : to});
        if (!first) return false;
        auto second = pages.change({from < to ? to : from});
        if (!second) return false;
        auto& source_page = from < to ? *first : *second;
        auto& target = from < to ? *second : *first;
        const std::uint64_t has = balance(source_page.data());
        if (has != now.of[from] || balance(target.data()) != now.of[to]) wrong.fetch_add(1);
        if (has <= amount) return true;
        put(source_page, has - amount);
        put(target, balance(target.data()) + amount);
        return true;
    }
    bool come(std::uint64_t number, std::uint64_t value) {
        auto made = pages.make({number});
        if (made) put(*made, value);
        return bool{made};
    }
    bool go(std::uint64_t number) {
        auto held = pages.change({number});
        if (!held) return false;
        if (balance(held->data()) != now.of[number]) wrong.fetch_add(1);
        pages.drop(std::move(*held));
        now.of[number] = 0;
        return disk.erase({number}, epoch).has_value();
    }
};

}  // namespace page_test
