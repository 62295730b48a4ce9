// SPDX-License-Identifier: BSL-1.0
//
// A doubly linked ring of objects that carry their own links, so that entering and leaving cost no
// memory: T derives from list_link<Tag>, once for each list that it can be in at one time.
//
// Boost.Intrusive does the linking; its list is not used because its header costs more than all of
// the lock manager's own.
//
// Threads: like an int.
#pragma once

#include <boost/intrusive/circular_list_algorithms.hpp>

namespace mantis::detail {

template <class Tag>
struct list_link {
    list_link* next = nullptr;
    list_link* previous = nullptr;
};

template <class T, class Tag>
class request_list {
    using link = list_link<Tag>;

public:
    // May be moved to the element before the first and behind the last, which is end().
    template <class Element>
    class position {
    public:
        explicit position(link* at) noexcept : at_{at} {}
        [[nodiscard]] Element& operator*() const noexcept { return static_cast<Element&>(*at_); }
        [[nodiscard]] Element* operator->() const noexcept { return &**this; }
        position& operator++() noexcept {
            at_ = at_->next;
            return *this;
        }
        position& operator--() noexcept {
            at_ = at_->previous;
            return *this;
        }
        position operator++(int) noexcept {
            const position before = *this;
            ++*this;
            return before;
        }
        [[nodiscard]] friend bool operator==(position, position) = default;

    private:
        friend class request_list;
        link* at_;
    };
    using iterator = position<T>;
    using const_iterator = position<const T>;

    request_list() noexcept { links::init_header(&ring_); }
    request_list(const request_list&) = delete;
    request_list& operator=(const request_list&) = delete;

    [[nodiscard]] bool empty() const noexcept { return ring_.next == &ring_; }
    [[nodiscard]] iterator begin() noexcept { return iterator{ring_.next}; }
    [[nodiscard]] iterator end() noexcept { return iterator{&ring_}; }
    [[nodiscard]] const_iterator begin() const noexcept { return const_iterator{ring_.next}; }
    [[nodiscard]] const_iterator end() const noexcept {
        return const_iterator{ring_.next->previous};
    }
    //   Requires    it is in this list
    [[nodiscard]] iterator at(T& element) noexcept { return iterator{&element}; }
    [[nodiscard]] const_iterator at(const T& element) const noexcept {
        return ++const_iterator{static_cast<const link&>(element).previous};
    }

    //   Requires    it is in no list of this tag
    void push_back(T& element) noexcept { insert(end(), element); }
    void insert(iterator before, T& element) noexcept { links::link_before(before.at_, &element); }
    //   Requires    it is in this list
    void erase(T& element) noexcept { links::unlink(static_cast<link*>(&element)); }

private:
    struct traits {
        using node = link;
        using node_ptr = link*;
        using const_node_ptr = const link*;
        static node_ptr get_next(const_node_ptr at) noexcept { return at->next; }
        static void set_next(node_ptr at, node_ptr next) noexcept { at->next = next; }
        static node_ptr get_previous(const_node_ptr at) noexcept { return at->previous; }
        static void set_previous(node_ptr at, node_ptr previous) noexcept {
            at->previous = previous;
        }
    };
    using links = boost::intrusive::circular_list_algorithms<traits>;

    link ring_;
};

}  // namespace mantis::detail
