// SPDX-License-Identifier: BSL-1.0
//
// What every platform promises, as checks that run over any of them: yours too.
//
//   platform_test::check_conformance(my_platform, "a directory it may fill");
//
// Each function is one promise of platform.hpp and works below a path of its own.
#pragma once

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/guard.hpp>
#include <mantis/platform/platform.hpp>

#include <doctest/doctest.h>

#include <string>

namespace platform_test {

using namespace mantis;

template <class Result>
void check_fails(const Result& answer, error_code code) {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code() == code);
    CHECK_FALSE(answer.error().subject().empty());
}

template <platform P>
auto made_directory(P world, const std::string& path) {
    return world.open_directory(path, directory_mode::create).value();
}

template <directory D>
void put(D& in, bytes_view name, bytes_view contents) {
    auto file = in.open(name, file_mode::create).value();
    file.resize(0).value();
    file.write(0, contents).value();
}

template <directory D>
std::string get(D& in, bytes_view name) {
    return read_file(in, name, 1 << 20).value().template as<std::string>();
}

template <platform P>
void directories_are_made_only_on_demand(P& world, const std::string& root) {
    check_fails(world.open_directory(root + "/none", directory_mode::existing),
                error_code::not_found);
    check_fails(world.open_directory(bytes_view{"a\0b", 3}, directory_mode::create),
                error_code::invalid_argument);
    CHECK(world.open_directory("", directory_mode::create).error().code() ==
          error_code::invalid_argument);
    auto deep = made_directory(world, root + "/a/b//c/");
    CHECK(deep.path() == root + "/a/b//c/");
    put(deep, "x", "deep");
    auto again = world.open_directory(root + "/a/b/c", directory_mode::existing).value();
    CHECK(get(again, "x") == "deep");
    CHECK(world.open_directory(root + "/a", directory_mode::existing).has_value());
}

template <platform P>
void file_modes_say_what_may_exist(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    check_fails(in.open("x", file_mode::read), error_code::not_found);
    check_fails(in.open("x", file_mode::write), error_code::not_found);
    CHECK(in.open("x", file_mode::create_new).has_value());
    check_fails(in.open("x", file_mode::create_new), error_code::already_exists);
    put(in, "x", "kept");
    CHECK(in.open("x", file_mode::create).has_value());
    CHECK(get(in, "x") == "kept");
    auto reader = in.open("x", file_mode::read).value();
    CHECK_FALSE(reader.write(0, "no").has_value());
    CHECK_FALSE(reader.resize(1).has_value());
    CHECK(get(in, "x") == "kept");
    CHECK(reader.path() == root + "/x");
}

template <platform P>
void names_are_single_components(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    const std::string with_zero{"a\0b", 3};
    for (const std::string& name : {std::string{}, std::string{"."}, std::string{".."},
                                    std::string{"a/b"}, std::string{"LOCK"}, with_zero}) {
        CAPTURE(name);
        check_fails(in.open(name, file_mode::create), error_code::invalid_argument);
        check_fails(in.exists(name), error_code::invalid_argument);
        check_fails(in.remove(name), error_code::invalid_argument);
        put(in, "x", "");
        check_fails(in.rename("x", name), error_code::invalid_argument);
        check_fails(in.rename(name, "x"), error_code::invalid_argument);
    }
}

template <platform P>
void names_are_listed_in_order_without_the_lock(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    made_directory(world, root + "/below");
    in.lock().value();
    for (const char* const name : {"b", "a", "c9", "c10", "\xff", "B"}) put(in, name, "");
    std::string all;
    const auto names = in.list().value();
    for (const bytes& name : names) all += name.as<std::string>() + " ";
    CHECK(all == "B a b c10 c9 \xff ");
}

template <platform P>
void rename_replaces_and_remove_leaves_open_files_usable(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    put(in, "old", "old");
    put(in, "new", "new");
    auto old_one = in.open("old", file_mode::write).value();
    in.rename("new", "old").value();
    CHECK(get(in, "old") == "new");
    CHECK_FALSE(in.exists("new").value());
    in.rename("old", "old").value();
    CHECK(in.exists("old").value());
    in.remove("old").value();
    CHECK_FALSE(in.exists("old").value());
    check_fails(in.remove("old"), error_code::not_found);
    check_fails(in.rename("old", "other"), error_code::not_found);
    old_one.write(3, "er").value();
    std::byte read[8];
    CHECK(old_one.read(0, read, sizeof read).value() == 5);
    CHECK(bytes_view{read, 5} == "older");
    in.sync().value();
}

template <platform P>
void reads_are_short_only_at_the_end(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    auto file = in.open("x", file_mode::create).value();
    std::byte read[16];
    CHECK(file.read(0, read, sizeof read).value() == 0);
    file.write(0, "0123456789").value();
    CHECK(file.read(0, read, 10).value() == 10);
    CHECK(file.read(6, read, sizeof read).value() == 4);
    CHECK(bytes_view{read, 4} == "6789");
    CHECK(file.read(10, read, 1).value() == 0);
    CHECK(file.read(1'000'000, read, 1).value() == 0);
    CHECK(file.read(3, read, 0).value() == 0);
    file.write(2, bytes_view{}).value();
    CHECK(file.size().value() == 10);
    file.sync().value();
}

template <platform P>
void holes_and_reserves_are_zero(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    auto file = in.open("x", file_mode::create).value();
    file.write(0, "start").value();
    file.write(10'000, "end").value();
    file.resize(3).value();
    file.resize(9'000).value();
    bytes read = bytes::zeros(9'000);
    CHECK(file.read(0, read.data(), read.size()).value() == 9'000);
    bytes expected{bytes_view{"sta"}};
    expected.resize(9'000);
    CHECK(read == expected);

    file.preallocate(20'000).value();
    CHECK(file.size().value() == 20'000);
    file.preallocate(10).value();
    file.preallocate(0).value();
    CHECK(file.size().value() == 20'000);
    std::byte last{1};
    CHECK(file.read(19'999, &last, 1).value() == 1);
    CHECK(last == std::byte{0});
    CHECK(file.read(0, read.data(), read.size()).value() == 9'000);
    CHECK(read == expected);
}

template <platform P>
void large_writes_come_back_whole(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    auto file = in.open("x", file_mode::create).value();
    bytes large = bytes::zeros(3'000'001);
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<std::byte>(i * 7 + i / 4096);
    file.write(4'095, large).value();
    bytes back = bytes::zeros(large.size());
    CHECK(file.read(4'095, back.data(), back.size()).value() == large.size());
    CHECK(back == large);
}

template <platform P>
void a_mapping_writes_what_a_write_would(P& world, const std::string& root) {
    if constexpr (mappable_file<typename P::file>) {
        auto in = made_directory(world, root);
        auto file = in.open("x", file_mode::create).value();
        constexpr std::size_t size = 300 * 1024 + 100;
        file.preallocate(size).value();
        auto mapping = file.map(size);
        if (!mapping.write(0, "first")) return;  // this platform, or this disk, maps nothing
        std::string whole(size, '\0');
        whole.replace(0, 5, "first");
        for (const std::size_t at : {std::size_t{5}, std::size_t{65'530}, std::size_t{7},
                                     std::size_t{262'000}, size - 1000}) {
            const std::string piece(1000, static_cast<char>('a' + at % 26));
            CHECK(mapping.write(at, piece));
            whole.replace(at, piece.size(), piece);
            // Both ways are of one file.
            file.write(at, "called").value();
            whole.replace(at, 6, "called");
        }
        auto other = std::move(mapping);
        CHECK(other.write(size, ""));
        CHECK_FALSE(other.write(size - 2, "end"));
        CHECK_FALSE(other.write(size + 1, ""));
        CHECK_FALSE(other.write(~std::uint64_t{0}, "end"));
        CHECK(get(in, "x") == whole);
        file.sync().value();
        CHECK(file.size().value() == size);
    }
}

template <platform P>
void a_directory_is_locked_once(P& world, const std::string& root) {
    auto first = made_directory(world, root);
    auto second = made_directory(world, root);
    {
        auto holder = std::move(first);
        holder.lock().value();
        const auto refused = second.lock();
        check_fails(refused, error_code::locked);
        CHECK(refused.error().number("pid") != nullptr);
        CHECK(refused.error().subject() == root);
        check_fails(holder.lock(), error_code::locked);
        auto other = made_directory(world, root + "/other");
        CHECK(other.lock().has_value());
    }
    CHECK(second.lock().has_value());
}

template <platform P>
void files_are_shared_by_their_openers(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    auto writer = in.open("x", file_mode::create).value();
    P copy = world;
    auto reader = made_directory(copy, root).open("x", file_mode::read).value();
    writer.write(0, "seen").value();
    std::byte read[4];
    CHECK(reader.read(0, read, 4).value() == 4);
    CHECK(bytes_view{read, 4} == "seen");
}

template <platform P>
void whole_files_are_replaced_and_read(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    check_fails(read_file(in, "x", 10), error_code::not_found);
    atomic_replace(in, "x", "the first").value();
    atomic_replace(in, "x", "second").value();
    CHECK(get(in, "x") == "second");
    CHECK(in.list().value().size() == 1);
    const auto refused = read_file(in, "x", 5);
    check_fails(refused, error_code::too_large);
    CHECK(*refused.error().number("bytes") == 6);
    CHECK(read_file(in, "x", 6).value() == bytes{bytes_view{"second"}});
}

template <platform P>
void free_space_is_told(P& world, const std::string& root) {
    auto in = made_directory(world, root);
    const auto before = in.free_bytes();
    REQUIRE(before.has_value());
    CHECK(*before > 0);
    auto file = in.open("x", file_mode::create).value();
    file.preallocate(1 << 20).value();
    // Others may write and remove meanwhile.
    CHECK(in.free_bytes().value() > 0);
}

template <platform P>
void clocks_go_forward(P& world, const std::string&) {
    const nanoseconds before = world.now();
    const nanoseconds wall_before = world.wall_time();
    world.sleep(milliseconds(20));
    CHECK((world.now() - before).count >= milliseconds(20).count);
    CHECK((world.wall_time() - wall_before).count >= milliseconds(19).count);
    CHECK(wall_before.count > seconds(1'600'000'000).count);
    CHECK(world.random() != world.random());
}

template <platform P>
void a_mutex_keeps_threads_apart(P&, const std::string&) {
    typename P::mutex mutex;
    typename P::template atomic<std::uint32_t> inside{0};
    std::uint32_t together = 0;
    std::uint32_t sum = 0;
    std::vector<typename P::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 50; ++n) {
                const lock_guard<typename P::mutex> hold{mutex};
                if (inside.fetch_add(1) != 0) ++together;
                ++sum;
                inside.fetch_sub(1);
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(together == 0);
    CHECK(sum == 200);
    mutex.lock();
    bool got = true;
    typename P::thread other{[&] { got = mutex.try_lock(); }};
    other.join();
    CHECK_FALSE(got);
    mutex.unlock();
    CHECK(mutex.try_lock());
    mutex.unlock();
}

template <platform P>
void conditions_wake_and_time_out(P& world, const std::string&) {
    typename P::mutex mutex;
    typename P::condition changed;
    int turn = 0;
    int rounds = 0;
    typename P::thread other{[&] {
        unique_lock<typename P::mutex> hold{mutex};
        for (int i = 0; i < 20; ++i) {
            while (turn != 1) changed.wait(mutex);
            turn = 0;
            ++rounds;
            changed.notify_one();
        }
    }};
    {
        const lock_guard<typename P::mutex> hold{mutex};
        for (int i = 0; i < 20; ++i) {
            turn = 1;
            changed.notify_all();
            while (turn != 0) changed.wait(mutex);
        }
        CHECK(rounds == 20);
        const nanoseconds before = world.now();
        while (changed.wait_for(mutex, milliseconds(5))) {}
        CHECK((world.now() - before).count >= milliseconds(5).count);
        CHECK_FALSE(changed.wait_for(mutex, nanoseconds{-1}));
    }
    other.join();
    CHECK_FALSE(other.joinable());
}

template <platform P>
void a_parked_thread_is_woken_or_its_time_is_up(P& world, const std::string&) {
    using parking = typename P::parking;
    typename parking::word turn{0};
    CHECK(parking::wait(turn, 1, parking::never));  // it is not 1: no wait
    typename P::thread other{[&] {
        for (std::uint32_t i = 0; i < 20; ++i) {
            while (turn.load() != 2 * i + 1) (void)parking::wait(turn, 2 * i, parking::never);
            turn.store(2 * i + 2);
            parking::wake(turn, 1);
        }
    }};
    for (std::uint32_t i = 0; i < 20; ++i) {
        turn.store(2 * i + 1);
        parking::wake(turn, UINT32_MAX);
        while (turn.load() != 2 * i + 2)
            (void)parking::wait(turn, 2 * i + 1, parking::now() + seconds(100));
    }
    other.join();
    const nanoseconds before = world.now();
    const nanoseconds end = parking::now() + milliseconds(5);
    while (parking::wait(turn, 40, end)) {}
    CHECK((world.now() - before).count >= milliseconds(5).count);
    CHECK_FALSE(parking::wait(turn, 40, nanoseconds{0}));
    CHECK_FALSE(parking::wait(turn, 40, nanoseconds{-1}));
}

template <platform P>
void threads_have_numbers_and_names(P&, const std::string&) {
    using parking = typename P::parking;
    std::uint32_t number = 0;
    thread_name name;
    const std::uint32_t own = parking::thread_number();
    CHECK(parking::thread_number() == own);
    typename P::thread other{[&] {
        parking::name_thread("sweeper with a very long name");
        number = parking::thread_number();
        name = parking::this_thread_name();
    }};
    other.join();
    CHECK(number != own);
    CHECK(name.view() == "sweeper with a ");
    int& shared = parking::template common<int>();
    shared = 7;
    CHECK(parking::template common<int>() == 7);
    shared = 0;
}

template <platform P>
void threads_own_what_they_were_given(P&, const std::string&) {
    typename P::thread none;
    CHECK_FALSE(none.joinable());
    bytes given{bytes_view{"given"}};
    bytes taken;
    typename P::thread thread{
        [own = std::move(given), &taken]() mutable { taken = std::move(own); }};
    none = std::move(thread);
    CHECK_FALSE(thread.joinable());
    CHECK(none.joinable());
    none.join();
    CHECK(taken == bytes{bytes_view{"given"}});
}

template <platform P>
void atomics_count_without_loss(P&, const std::string&) {
    typename P::template atomic<std::uint64_t> sum{0};
    typename P::template atomic<std::uint64_t> swapped{0};
    std::vector<typename P::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 100; ++n) {
                sum.fetch_add(2);
                std::uint64_t seen = swapped.load();
                while (!swapped.compare_exchange_weak(seen, seen + 1)) {}
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(sum.load() == 600);
    CHECK(swapped.load() == 300);
    std::uint64_t expected = 1;
    CHECK_FALSE(swapped.compare_exchange_strong(expected, 7));
    CHECK(expected == 300);
    CHECK(swapped.exchange(8) == 300);
    CHECK(swapped.fetch_or(1) == 8);
    CHECK(swapped.fetch_and(1) == 9);
    CHECK(swapped.fetch_sub(2) == 1);
    CHECK(swapped.load() == ~std::uint64_t{0});
}

template <platform P>
void ordinary_values_are_read_and_written_atomically(P&, const std::string&) {
    std::uint64_t sum = 0;
    std::uint8_t small = 255;
    std::vector<typename P::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            const typename P::template atomic_ref<std::uint64_t> shared{sum};
            for (int n = 0; n < 50; ++n) {
                shared.fetch_add(1);
                std::uint64_t seen = shared.load();
                while (!shared.compare_exchange_strong(seen, seen + 1)) {}
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(sum == 300);
    const typename P::template atomic_ref<std::uint64_t> shared{sum};
    CHECK(shared.exchange(8) == 300);
    std::uint64_t expected = 7;
    CHECK_FALSE(shared.compare_exchange_strong(expected, 9));
    CHECK(expected == 8);
    const typename P::template atomic_ref<std::uint8_t> byte{small};
    CHECK(byte.fetch_add(2) == 255);
    CHECK(small == 1);
    byte.store(3);
    CHECK(byte.load() == 3);
}

template <platform P>
void check_conformance(P& world, const std::string& root) {
    using promise = void (*)(P&, const std::string&);
    constexpr promise promises[] = {
        directories_are_made_only_on_demand<P>,
        file_modes_say_what_may_exist<P>,
        names_are_single_components<P>,
        names_are_listed_in_order_without_the_lock<P>,
        rename_replaces_and_remove_leaves_open_files_usable<P>,
        reads_are_short_only_at_the_end<P>,
        holes_and_reserves_are_zero<P>,
        large_writes_come_back_whole<P>,
        a_mapping_writes_what_a_write_would<P>,
        a_directory_is_locked_once<P>,
        files_are_shared_by_their_openers<P>,
        whole_files_are_replaced_and_read<P>,
        free_space_is_told<P>,
        clocks_go_forward<P>,
        a_mutex_keeps_threads_apart<P>,
        conditions_wake_and_time_out<P>,
        a_parked_thread_is_woken_or_its_time_is_up<P>,
        threads_have_numbers_and_names<P>,
        threads_own_what_they_were_given<P>,
        atomics_count_without_loss<P>,
        ordinary_values_are_read_and_written_atomically<P>,
    };
    for (std::size_t number = 0; number < std::size(promises); ++number) {
        CAPTURE(number);
        promises[number](world, root + "/" + std::to_string(number));
    }
}

}  // namespace platform_test
