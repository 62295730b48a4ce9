// SPDX-License-Identifier: BSL-1.0
//
// Decides when memory that readers may still look at is freed: after every reader that could have
// seen it is gone.
//
// For structures whose readers take no lock: optimistic B+trees, maps replaced by pointer, version
// chains. A reader pins the epoch for as long as it follows pointers; who unlinks an object retires
// it instead of deleting it.
//
//   {
//       const auto pinned = epoch.pin("scan of orders");
//       ... follow pointers ...
//   }
//   auto* const old = root.exchange(fresh);
//   if (epoch.retire(old) == garbage_level::over_limit) wait_a_little_before_the_next_change();
//
// State: the epoch, a number that only grows, and for each thread a slot with the epoch it is
// pinned at (0: not pinned) and the objects it retired, in batches. A full batch is sealed: stamped
// with the epoch. A batch stamped r is freed at epoch r + 2.
//
//   now --every pinned slot is at now--> now + 1        try_advance
//
// Invariants:
//   1. a reader that is inside reads at the epoch it is pinned at, or at the next one
//   2. what a reader pinned at e can see was stamped e or later, if at all
//   3. batches are freed in the order of their stamps, each once, by whoever took it off its slot
//   4. a slot is written by its thread; others only free what it retired, under its latch
//
// Why nothing is freed that a reader sees. Let T unlink x, and its batch be stamped r, with an
// exchange of the epoch with itself, which acquires and releases. Let R be pinned and have read x.
//   a. R confirmed its epoch e after it announced it. Had it then read r + 1 or later, it would
//      have acquired from the advance to r + 1, which follows the stamp, which follows the unlink:
//      R would not have found x. So e <= r.
//   b. The advance from r + 1 looked at the epoch first and then at R's slot. Announcing,
//      confirming and both looks are of one total order (seq_cst). If the look at the slot came
//      before R announced, the look at the epoch, r + 1, came before R confirmed, and R would have
//      read r + 1 or later, against (a). So it saw e, which is not r + 1, and did not advance.
//   c. So the epoch is r + 1 at most while R is inside. An advance after R left acquired from R's
//      leaving, so all that R read was read before the memory goes.
// There is no fence in this, for ThreadSanitizer knows none.
//
// A reader lease: one that stays pinned keeps all garbage of its time and later. laggards() says
// who has done so for longer than the lease, and retire() says when there is too much garbage, so
// that writers can hold back. Garbage is bounded by the limit, and what writers add against its
// advice; nobody's memory is taken by force.
//
// Threads: any number, coming and going; each uses its own guards only. pin() is a store, and two
// loads; retire() is a latch of the thread's own, and once in a batch a look at all threads.
#pragma once

#include "word_latch.hpp"

#include <vector>

namespace mantis {

struct epoch_options {
    // With more garbage than this retire() says so. Every thread may add a 64th of it, or a batch,
    // before that is noticed.
    std::uint64_t max_retired_bytes = 64 * MiB;
    // How long a reader may hold garbage back before laggards() names it.
    nanoseconds lease = seconds(1);
    // Objects in a batch, 1 to 64. Fewer are freed earlier, and cost more.
    std::uint32_t batch_count = 64;
};

enum class garbage_level : std::uint8_t {
    low,
    over_limit,  // make no more before a collect(), or before the laggards are gone
};

// A reader that has been pinned for longer than the lease.
struct epoch_laggard {
    thread_name name;      // as it was within the last 256 pins of this thread number
    const char* doing;     // as pin() was told
    std::uint32_t thread;  // its number at Platform::parking
    nanoseconds since;     // it was pinned then already, and has held garbage back since
    std::uint64_t kept_count;
    std::uint64_t kept_bytes;
};

template <class Platform>
class epoch {
    struct slot;

public:
    using deleter = void (*)(void*);

    // Keeps this thread pinned. Moved and destroyed by the thread that pinned.
    class [[nodiscard]] guard {
    public:
        guard(guard&& other) noexcept : of_{std::exchange(other.of_, nullptr)}, own_{other.own_} {}
        guard& operator=(guard&&) = delete;
        ~guard() {
            if (of_ != nullptr) of_->unpin(*own_);
        }

        // For a long reader, at a point where it holds no pointer: what it saw may go now.
        //   Returns     false when an outer guard of this thread keeps it all the same
        bool refresh() { return of_->refresh(*own_); }

    private:
        friend class epoch;
        guard(epoch& of, slot& own) noexcept : of_{&of}, own_{&own} {}

        epoch* of_;
        slot* own_;
    };

    explicit epoch(epoch_options options = {}) : options_{options} {
        check(options_.batch_count >= 1 && options_.batch_count <= batch::capacity,
              "an epoch with batches of fewer than 1 or more than 64 objects");
    }
    epoch(const epoch&) = delete;
    epoch& operator=(const epoch&) = delete;
    //   Requires    nobody is pinned or uses it
    //   Effects     frees everything that was retired, also by deleters meanwhile
    ~epoch() {
        each_slot([](slot& at) {
            check(at.pinned.load() == 0, "an epoch is destroyed while a thread is pinned");
        });
        do {
            seal_all();
            now_.fetch_add(2);
        } while (sweep_all() != 0);
        each_slot([](slot& at) { delete at.spare; });
    }

    // Until the guard is gone nothing is freed that this thread can find from now on. A thread may
    // pin again while it is pinned: the outermost guard counts.
    //   Requires    `doing` lives as long as the program
    guard pin(const char* doing = "") {
        slot& own = own_slot();
        if (own.depth++ == 0) {
            own.doing.store(doing, Platform::memory_order::relaxed);
            if (own.pins++ % 256 == 0) learn_name(own);
            announce(own);
        }
        return guard{*this, own};
    }

    // Frees `object` by destroy(object) once no reader can see it.
    //   Requires    no reader that pins from now on can find it; retired once
    //   Effects     it is taken in any case. destroy is called by any thread that uses this epoch;
    //               it may pin and retire
    //   Returns     whether there is too much garbage
    garbage_level retire(void* object, deleter destroy, std::uint64_t bytes) {
        slot& own = own_slot();
        if (add(own, {object, destroy, bytes}) && !own.tending) {
            own.tending = true;  // deleters may retire: one is enough
            if (try_advance()) sweep_all();
            else sweep(own);
            own.tending = false;
            measure();
        }
        return over_limit_.load(Platform::memory_order::relaxed) ? garbage_level::over_limit
                                                                 : garbage_level::low;
    }
    template <class T>
    garbage_level retire(T* object) {
        return retire(
            const_cast<std::remove_const_t<T>*>(object),
            [](void* at) { delete static_cast<T*>(at); }, sizeof(T));
    }

    // Frees what can be freed now, of all threads. Where nobody is pinned, that is everything that
    // was retired before.
    //   Returns     how many objects it freed
    std::uint64_t collect() {
        seal_all();
        if (try_advance()) (void)try_advance();
        const std::uint64_t freed = sweep_all();
        measure();
        return freed;
    }

    // What is retired and not yet freed.
    [[nodiscard]] std::uint64_t retired_count() const { return sum(&slot::retired_count); }
    [[nodiscard]] std::uint64_t retired_bytes() const { return sum(&slot::retired_bytes); }
    // How often the epoch has advanced, from 1 on.
    [[nodiscard]] std::uint64_t now() const { return now_.load(); }

    // Who holds garbage back for longer than the lease.
    [[nodiscard]] std::vector<epoch_laggard> laggards() const {
        std::vector<epoch_laggard> found;
        const std::uint64_t now = now_.load();
        const nanoseconds since{advanced_at_.load(Platform::memory_order::acquire)};
        if (parking::now() - since <= options_.lease) return found;
        epoch_laggard one{};
        one.since = since;
        each_slot([&](slot& at) { add_kept(one, at, now - 1); });
        each_slot([&](slot& at) {
            const std::uint64_t pinned = at.pinned.load();
            if (pinned == 0 || pinned >= now) return;  // it holds nothing back
            one.thread = at.number;
            one.doing = at.doing.load(Platform::memory_order::relaxed);
            const lock_guard<word_latch<Platform>> hold{at.latch};
            one.name = at.name;
            found.push_back(one);
        });
        return found;
    }

private:
    using parking = typename Platform::parking;
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    struct retired {
        void* object;
        deleter destroy;
        std::uint64_t bytes;
    };
    struct batch {
        static constexpr std::uint32_t capacity = 64;

        batch* next = nullptr;
        std::uint64_t stamp = 0;
        std::uint64_t bytes = 0;
        std::uint32_t count = 0;
        retired objects[capacity];
    };
    struct alignas(64) slot {
        // Of the reader.
        atomic<std::uint64_t> pinned{0};
        atomic<const char*> doing{""};
        std::uint32_t number = 0;
        std::uint32_t depth = 0;
        std::uint32_t pins = 0;
        bool counted = false;
        bool tending = false;

        // Of who retires and who frees.
        alignas(64) word_latch<Platform> latch;
        batch* open = nullptr;    // not yet stamped
        batch* oldest = nullptr;  // stamped, and in that order
        batch* newest = nullptr;
        batch* spare = nullptr;
        atomic<std::uint64_t> retired_count{0};  // written under the latch
        atomic<std::uint64_t> retired_bytes{0};
        thread_name name;
    };
    // Twice as many slots as the chunk before it.
    struct chunk {
        explicit chunk(std::uint32_t first, std::uint32_t of) : count{of}, slots{new slot[of]} {
            for (std::uint32_t i = 0; i < of; ++i) slots[i].number = first + i;
        }
        chunk(const chunk&) = delete;
        chunk& operator=(const chunk&) = delete;
        ~chunk() {
            delete[] slots;
            delete next.load();
        }

        const std::uint32_t count;
        slot* const slots;
        atomic<chunk*> next{nullptr};
    };

    // Readers.

    [[nodiscard]] slot& own_slot() {
        const std::uint32_t number = parking::thread_number();
        std::uint32_t left = number;
        chunk* at = &first_;
        while (left >= at->count) {
            left -= at->count;
            chunk* const next = at->next.load(Platform::memory_order::acquire);
            at = next != nullptr ? next : &append(*at, number - left);
        }
        slot& own = at->slots[left];
        if (!own.counted) count_in(own);
        return own;
    }
    //   Returns     the chunk after `last`: a new one, or that of who was faster
    [[nodiscard]] static chunk& append(chunk& last, std::uint32_t first) {
        auto* const made = new chunk{first, 2 * last.count};
        chunk* found = nullptr;
        if (last.next.compare_exchange_strong(found, made)) return *made;
        delete made;
        return *found;
    }
    // From now on who looks at all slots looks at this one. Comes before its first announcement in
    // the total order, so (b) holds for looks that ended before it, too.
    void count_in(slot& own) {
        std::uint32_t seen = slots_used_.load();
        while (seen <= own.number && !slots_used_.compare_exchange_strong(seen, own.number + 1)) {}
        own.counted = true;
    }
    void learn_name(slot& own) {
        const thread_name name = parking::this_thread_name();
        const lock_guard<word_latch<Platform>> hold{own.latch};
        own.name = name;
    }
    void announce(slot& own) {
        std::uint64_t now = now_.load();
        for (;;) {
            own.pinned.store(now);
            const std::uint64_t confirmed = now_.load();
            if (confirmed == now) return;
            now = confirmed;
        }
    }
    void unpin(slot& own) {
        check(own.number == parking::thread_number(),
              "a guard of an epoch is destroyed by another thread than the one that pinned");
        if (--own.depth == 0) own.pinned.store(0, Platform::memory_order::release);
    }
    [[nodiscard]] bool refresh(slot& own) {
        if (own.depth != 1) return false;
        announce(own);
        return true;
    }

    // Writers.

    //   Returns     whether that sealed a batch
    [[nodiscard]] bool add(slot& own, retired what) {
        const lock_guard<word_latch<Platform>> hold{own.latch};
        if (own.open == nullptr) {
            own.open = std::exchange(own.spare, nullptr);
            if (own.open == nullptr) own.open = new batch;
        }
        batch& open = *own.open;
        open.objects[open.count++] = what;
        open.bytes += what.bytes;
        change_counts(own, 1, what.bytes);
        if (open.count < options_.batch_count && open.bytes < options_.max_retired_bytes / 64)
            return false;
        seal(own);
        return true;
    }
    //   Requires    the latch of the slot is held
    void seal(slot& at) {
        batch* const full = std::exchange(at.open, nullptr);
        if (full == nullptr) return;
        full->stamp = now_.fetch_add(0, Platform::memory_order::acq_rel);
        (at.newest != nullptr ? at.newest->next : at.oldest) = full;
        at.newest = full;
    }
    //   Requires    the latch of the slot is held
    static void change_counts(slot& at, std::uint64_t count, std::uint64_t bytes) {
        at.retired_count.store(at.retired_count.load(Platform::memory_order::relaxed) + count,
                               Platform::memory_order::relaxed);
        at.retired_bytes.store(at.retired_bytes.load(Platform::memory_order::relaxed) + bytes,
                               Platform::memory_order::relaxed);
    }
    void seal_all() {
        each_slot([this](slot& at) {
            const lock_guard<word_latch<Platform>> hold{at.latch};
            seal(at);
        });
    }

    // Who frees.

    //   Returns     whether the epoch is another now
    [[nodiscard]] bool try_advance() {
        std::uint64_t now = now_.load();
        bool free = true;
        each_slot([&](slot& at) {
            if (!free) return;
            const std::uint64_t pinned = at.pinned.load();
            free = pinned == 0 || pinned == now;
        });
        if (!free) return false;
        // First, so that who sees the new epoch sees no older time.
        advanced_at_.store(parking::now().count, Platform::memory_order::release);
        (void)now_.compare_exchange_strong(now, now + 1);  // or somebody else did
        return true;
    }
    std::uint64_t sweep_all() {
        std::uint64_t freed = 0;
        each_slot([&](slot& at) { freed += sweep(at); });
        return freed;
    }
    //   Effects     frees what is old enough of what a slot retired
    //   Returns     how many objects
    std::uint64_t sweep(slot& at) {
        std::uint64_t freed = 0;
        while (batch* const old = take_expired(at)) {
            for (std::uint32_t i = 0; i < old->count; ++i)
                old->objects[i].destroy(old->objects[i].object);
            freed += old->count;
            give_back(at, old);
        }
        return freed;
    }
    [[nodiscard]] batch* take_expired(slot& at) {
        const lock_guard<word_latch<Platform>> hold{at.latch};
        batch* const old = at.oldest;
        if (old == nullptr || old->stamp + 2 > now_.load()) return nullptr;
        at.oldest = old->next;
        if (at.oldest == nullptr) at.newest = nullptr;
        return old;
    }
    void give_back(slot& at, batch* used) {
        {
            const lock_guard<word_latch<Platform>> hold{at.latch};
            change_counts(at, 0 - std::uint64_t{used->count}, 0 - used->bytes);
            if (at.spare == nullptr) {
                used->next = nullptr;
                used->count = 0;
                used->bytes = 0;
                at.spare = std::exchange(used, nullptr);
            }
        }
        delete used;
    }
    void measure() {
        const bool over = retired_bytes() > options_.max_retired_bytes;
        if (over_limit_.load(Platform::memory_order::relaxed) != over)
            over_limit_.store(over, Platform::memory_order::relaxed);
    }

    // Calls see(slot) for every slot that was ever used.
    template <class See>
    void each_slot(See see) const {
        std::uint32_t left = slots_used_.load();
        for (const chunk* at = &first_; left != 0;) {
            const std::uint32_t here = left < at->count ? left : at->count;
            for (std::uint32_t i = 0; i < here; ++i) see(at->slots[i]);
            left -= here;
            if (left != 0) at = at->next.load(Platform::memory_order::acquire);
        }
    }
    [[nodiscard]] std::uint64_t sum(atomic<std::uint64_t> slot::*what) const {
        std::uint64_t all = 0;
        each_slot([&](slot& at) { all += (at.*what).load(Platform::memory_order::relaxed); });
        return all;
    }
    //   Effects     adds what a reader pinned at `from` keeps of what this slot retired
    static void add_kept(epoch_laggard& to, slot& at, std::uint64_t from) {
        const lock_guard<word_latch<Platform>> hold{at.latch};
        const auto add = [&](const batch& kept) {
            to.kept_count += kept.count;
            to.kept_bytes += kept.bytes;
        };
        if (at.open != nullptr) add(*at.open);
        for (const batch* old = at.oldest; old != nullptr; old = old->next)
            if (old->stamp >= from) add(*old);
    }

    const epoch_options options_;
    alignas(64) atomic<std::uint64_t> now_{1};
    atomic<std::int64_t> advanced_at_{0};
    alignas(64) atomic<bool> over_limit_{false};
    atomic<std::uint32_t> slots_used_{0};
    chunk first_{0, 16};
};

}  // namespace mantis
