// SPDX-License-Identifier: BSL-1.0
//
// A part of the table of locks: the heads whose paths hash into it, by chained buckets, and the
// pools that heads and requests come from. What once was allocated is used again and freed with the
// shard.
//
// Threads: protected by its latch.
#pragma once

#include "head.hpp"

namespace mantis::detail {

// Objects that are made in chunks, given out, taken back and never moved.
template <class T>
class lock_pool {
public:
    lock_pool() = default;
    lock_pool(const lock_pool&) = delete;
    lock_pool& operator=(const lock_pool&) = delete;
    ~lock_pool() {
        for (T* const chunk : chunks_) delete[] chunk;
    }

    [[nodiscard]] T& take() {
        if (free_.empty()) add_chunk();
        T& taken = *free_.back();
        free_.pop_back();
        return taken;
    }
    void give_back(T& object) noexcept { free_.push_back(&object); }  // it has room

private:
    static constexpr std::size_t chunk_count = 64;

    void add_chunk() {
        T* const chunk = new T[chunk_count];
        chunks_.push_back(chunk);
        free_.reserve(chunks_.size() * chunk_count);
        for (std::size_t i = chunk_count; i-- > 0;) free_.push_back(chunk + i);
    }

    std::vector<T*> chunks_;
    std::vector<T*> free_;
};

template <class Platform>
class alignas(64) lock_shard {
public:
    using request = lock_request<Platform>;
    using head = lock_head<Platform>;

    word_latch<Platform> latch;
    std::uint64_t grant_count = 0;  // at once
    std::uint64_t wait_count = 0;

    [[nodiscard]] head* find(const lock_path& path, std::uint64_t hash) const noexcept {
        for (head* at = buckets_[bucket(hash)]; at != nullptr; at = at->next)
            if (at->hash == hash && at->is(path)) return at;
        return nullptr;
    }
    [[nodiscard]] head& find_or_make(const lock_path& path, std::uint64_t hash) {
        if (head* const found = find(path, hash); found != nullptr) return *found;
        if (head_count_ >= buckets_.size()) grow();
        head& made = heads_.take();
        made.name(path, hash);
        put(made);
        ++head_count_;
        return made;
    }
    //   Effects     gives it back if nobody holds it or waits there
    void drop_unused(head& given) noexcept {
        if (!given.unused()) return;
        head** at = &buckets_[bucket(given.hash)];
        while (*at != &given) at = &(*at)->next;
        *at = given.next;
        --head_count_;
        trim(given.low);
        trim(given.high);
        heads_.give_back(given);
    }
    [[nodiscard]] request& take_request(lock_owner_core<Platform>& owner) {
        request& taken = requests_.take();
        taken.owner = &owner;
        taken.pooled = true;
        taken.held = lock_mode::none;
        taken.escalated = taken.strong = false;
        taken.listed = lock_mode::none;
        taken.children = taken.next_escalation = 0;
        return taken;
    }
    void give_back(request& given) noexcept { requests_.give_back(given); }

    // Calls see(head) for every one, in no order, until it returns false.
    template <class See>
    void each(See see) {
        for (head* first : buckets_)
            for (head* at = first; at != nullptr; at = at->next)
                if (!see(*at)) return;
    }
    [[nodiscard]] std::size_t head_count() const noexcept { return head_count_; }

private:
    static constexpr std::size_t kept_key_bytes = 1024;

    // The low bits of the hash chose the shard.
    [[nodiscard]] std::size_t bucket(std::uint64_t hash) const noexcept {
        return (hash >> 16) & (buckets_.size() - 1);
    }
    void put(head& placed) noexcept {
        head*& first = buckets_[bucket(placed.hash)];
        placed.next = first;
        first = &placed;
    }
    void grow() {
        std::vector<head*> old(buckets_.size() * 2);
        old.swap(buckets_);
        for (head* first : old)
            for (head* at = first; at != nullptr;) {
                head& moved = *at;
                at = at->next;
                put(moved);
            }
    }
    static void trim(bytes& key) noexcept {
        if (key.capacity() > kept_key_bytes) key = bytes{};
    }

    std::vector<head*> buckets_ = std::vector<head*>(16);
    std::size_t head_count_ = 0;
    lock_pool<head> heads_;
    lock_pool<request> requests_;
};

}  // namespace mantis::detail
