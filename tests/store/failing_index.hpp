// SPDX-License-Identifier: BSL-1.0
//
// An index that fails when it is told to: the in-memory B+tree behind a plan that all indexes of
// the program share.
//
//   index_plan::arm({.call = index_call::put, .nth = 3});    // the third put from now on, once
//   index_plan::disarm();                                    // sound again
#pragma once

#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/posix.hpp>

namespace index_test {

using namespace mantis;

enum class index_call { none, put, erase, find, scan };

struct index_fault {
    index_call call = index_call::none;
    std::int64_t nth = 1;
    bool for_ever = false;
    bool done_first = false;  // a put or erase that fails has changed the entry
    error_code code = error_code::io;
    void (*before)(void* context) = nullptr;  // called before it fails, no latch held
    void* context = nullptr;
};

// Armed while no index is used.
class index_plan {
public:
    static void arm(index_fault fault) {
        fault_ = fault;
        left_.store(fault.nth);
        struck_.store(0);
    }
    static void disarm() { arm({}); }
    static const index_fault& now() { return fault_; }
    // How often it failed since it was armed.
    static int struck() { return struck_.load(); }

    static bool strikes(index_call call) {
        if (call != fault_.call) return false;
        const std::int64_t before = left_.fetch_sub(1);
        if (before > 1 || (before < 1 && !fault_.for_ever)) return false;
        struck_.fetch_add(1);
        if (fault_.before != nullptr) fault_.before(fault_.context);
        return true;
    }

private:
    static inline index_fault fault_;
    static inline posix::atomic<std::int64_t> left_{0};
    static inline posix::atomic<int> struck_{0};
};

template <class Platform>
class failing_tree {
public:
    result<void> put(bytes_view key, bytes_view value, lsn version) {
        const bool fails = index_plan::strikes(index_call::put);
        if (!fails || index_plan::now().done_first) (void)tree_.put(key, value, version);
        return fails ? result<void>{failure("writing a page")} : success();
    }
    result<bool> erase(bytes_view key) {
        const bool fails = index_plan::strikes(index_call::erase);
        bool there = false;
        if (!fails || index_plan::now().done_first) there = tree_.erase(key).value();
        return fails ? result<bool>{failure("writing a page")} : there;
    }
    template <class F>
    result<bool> find(bytes_view key, F f) const {
        if (index_plan::strikes(index_call::find)) return failure("reading a page");
        return tree_.find(key, f);
    }
    // Fails behind the first entry.
    template <class F>
    result<void> scan(bytes_view from, F f) const {
        if (!index_plan::strikes(index_call::scan)) return tree_.scan(from, f);
        (void)tree_.scan(from, [&](bytes_view key, bytes_view value, lsn version) {
            (void)f(key, value, version);
            return false;
        });
        return failure("reading a page");
    }
    [[nodiscard]] std::size_t count() const { return tree_.count(); }
    [[nodiscard]] std::size_t memory_bytes() const { return tree_.memory_bytes(); }
    [[nodiscard]] result<void> verify() const { return tree_.verify(); }

private:
    static error failure(const char* doing) {
        return error{index_plan::now().code, doing}.with("errno", 5);
    }

    basic_btree<Platform> tree_;
};

struct failing_index {
    static constexpr const char* name = "failing";
    static constexpr std::uint32_t format_id = 1002;
    template <class Platform>
    using index = failing_tree<Platform>;
};

}  // namespace index_test
