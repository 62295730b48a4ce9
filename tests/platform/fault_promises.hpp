// SPDX-License-Identifier: BSL-1.0
//
// What each kind of fault does, as checks that run over every world that injects faults: the
// simulator and faulty<>.
//
// A stage has a platform, the path `root`, and the members run(body), inject(fault), clear_faults()
// and struck(kind).
#pragma once

#include <mantis/platform/fault.hpp>

#include "conformance.hpp"

#include <set>

namespace platform_test {

template <class File>
std::string contents_of(File& file) {
    std::string text(static_cast<std::size_t>(file.size().value()), '?');
    const auto got = file.read(0, reinterpret_cast<std::byte*>(text.data()), text.size());
    if (!got) return got.error().message().template as<std::string>();
    text.resize(*got);
    return text;
}
inline int different_bits(const std::string& a, const std::string& b) {
    int bits = a.size() == b.size() ? 0 : 1'000'000;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        for (int left = static_cast<unsigned char>(a[i] ^ b[i]); left != 0; left >>= 1)
            bits += left & 1;
    return bits;
}
// Sectors of one letter each.
inline std::string sectors(const char* letters) {
    std::string text;
    for (; *letters != 0; ++letters) text.append(512, *letters);
    return text;
}

template <class Stage>
void a_fault_strikes_the_nth_of_its_kind_as_often_as_planned(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.on = space_io, .code = error_code::no_space, .nth = 2, .count = 3});
    file.write(0, "kept").value();
    const auto refused = file.write(4, "gone");
    check_fails(refused, error_code::no_space);
    CHECK(*refused.error().number("errno") == ENOSPC);
    CHECK(*refused.error().number("offset") == 4);
    CHECK(file.sync().has_value());
    check_fails(file.resize(100), error_code::no_space);
    check_fails(in.open("y", file_mode::create), error_code::no_space);
    file.write(4, " it").value();
    CHECK(contents_of(file) == "kept it");
    CHECK_FALSE(in.exists("y").value());
    CHECK(stage.struck(fault_kind::fail) == 3);
}

template <class Stage>
void a_fault_for_ever_ends_only_when_it_is_taken_back(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.on = io_kind::sync, .nth = 2, .count = fault::for_ever});
    file.sync().value();
    for (int i = 0; i < 20; ++i) check_fails(file.sync(), error_code::io);
    stage.clear_faults();
    file.sync().value();
}

template <class Stage>
void a_rate_strikes_about_that_often(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.on = io_kind::write, .one_in = 4, .count = fault::for_ever});
    int failed = 0;
    for (int i = 0; i < 400; ++i) failed += file.write(0, "x") ? 0 : 1;
    CHECK(failed > 50);
    CHECK(failed < 150);
    CHECK(stage.struck(fault_kind::fail) == static_cast<std::uint64_t>(failed));
}

template <class Stage>
void one_bad_sector_fails_what_touches_it(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    file.write(0, sectors("abcd")).value();
    stage.inject({.on = io_kind::read | io_kind::write,
                  .count = fault::for_ever,
                  .first_byte = 512,
                  .end_byte = 1024});
    std::byte read[512];
    CHECK(file.read(0, read, 512).has_value());
    CHECK(file.read(1024, read, 512).has_value());
    check_fails(file.read(500, read, 13), error_code::io);
    check_fails(file.read(1023, read, 1), error_code::io);
    check_fails(file.write(600, "x"), error_code::io);
    file.write(0, "x").value();
    file.sync().value();
    CHECK(file.size().value() == 2048);
}

template <class Stage>
void a_path_part_spares_other_files(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto log = in.open("1.log", file_mode::create).value();
    auto other = in.open("other", file_mode::create).value();
    stage.inject({.on = file_io, .count = fault::for_ever, .path_part = bytes{".log"}});
    check_fails(log.write(0, "x"), error_code::io);
    other.write(0, "x").value();
    check_fails(log.size(), error_code::io);
    check_fails(log.preallocate(5), error_code::io);
}

template <class Stage>
void a_write_that_fails_halfway_leaves_a_beginning(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    const std::string old(1000, 'o');
    std::set<std::size_t> lengths;
    for (int i = 0; i < 30; ++i) {
        file.write(0, old).value();
        stage.inject({.kind = fault_kind::fail_halfway, .on = io_kind::write});
        check_fails(file.write(0, std::string(1000, 'n')), error_code::io);
        const std::string now = contents_of(file);
        const std::size_t cut = now.find('o') == now.npos ? now.size() : now.find('o');
        CHECK(now == std::string(cut, 'n') + std::string(1000 - cut, 'o'));
        lengths.insert(cut);
    }
    CHECK(lengths.size() > 10);
}

template <class Stage>
void space_may_be_reserved_in_part_when_it_is_refused(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    std::set<std::uint64_t> sizes;
    for (int i = 0; i < 20; ++i) {
        auto file = in.open(std::to_string(i), file_mode::create).value();
        file.write(0, "start").value();
        stage.inject({.kind = fault_kind::fail_halfway,
                      .on = io_kind::preallocate,
                      .code = error_code::no_space});
        check_fails(file.preallocate(10'000), error_code::no_space);
        const std::string now = contents_of(file);
        CHECK(now.substr(0, 5) == "start");
        CHECK(now.find_first_not_of('\0', 5) == now.npos);
        sizes.insert(now.size());
    }
    CHECK(sizes.size() > 10);
    CHECK(*sizes.begin() >= 5);
    CHECK(*sizes.rbegin() <= 10'000);
}

template <class Stage>
void short_transfers_add_up(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.kind = fault_kind::split, .count = fault::for_ever});
    std::string all(3000, '?');
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>('a' + i % 26);
    file.write(7, all).value();
    std::byte read[4000];
    CHECK(file.read(7, read, sizeof read).value() == all.size());
    CHECK(bytes_view{read, all.size()} == all);
    CHECK(file.read(9'000, read, 5).value() == 0);
    CHECK(file.read(0, read, 0).value() == 0);
    file.write(1, bytes_view{}).value();
    CHECK(file.size().value() == 3007);
    CHECK(stage.struck(fault_kind::split) == 5);
}

template <class Stage>
void a_flip_on_read_is_gone_at_the_next_read(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    put(in, "x", sectors("ab"));
    auto file = in.open("x", file_mode::read).value();
    stage.inject({.kind = fault_kind::flip_on_read, .first_byte = 600, .end_byte = 601});
    const std::string wrong = contents_of(file);
    CHECK(different_bits(wrong, sectors("ab")) == 1);
    CHECK(wrong[600] != 'b');
    CHECK(contents_of(file) == sectors("ab"));
}

template <class Stage>
void a_flip_at_rest_stays(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    put(in, "x", sectors("ab"));
    for (const io_kind when : {io_kind::read, io_kind::sync, io_kind::size}) {
        put(in, "x", sectors("ab"));
        auto file = in.open("x", file_mode::read).value();
        stage.inject({.kind = fault_kind::flip_at_rest, .on = when});
        file.sync().value();
        const std::string wrong = contents_of(file);
        CHECK(different_bits(wrong, sectors("ab")) == 1);
        CHECK(contents_of(file) == wrong);
        CHECK(get(in, "x") == wrong);
    }
}

template <class Stage>
void a_lost_write_changes_nothing(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    file.write(0, "old").value();
    stage.inject({.kind = fault_kind::lost_write});
    file.write(0, "new").value();
    CHECK(contents_of(file) == "old");
    file.write(0, "new").value();
    CHECK(contents_of(file) == "new");
}

template <class Stage>
void a_misdirected_write_hits_another_sector(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    std::set<std::size_t> hit;
    for (int i = 0; i < 40; ++i) {
        auto file = in.open(std::to_string(i), file_mode::create).value();
        file.write(0, std::string(16'384, 'o')).value();
        stage.inject({.kind = fault_kind::misdirected_write});
        file.write(8192 + 5, "here").value();
        const std::string now = contents_of(file);
        const std::size_t at = now.find("here");
        REQUIRE(at != now.npos);
        CHECK(at != 8192 + 5);
        CHECK(at % 512 == 5);
        hit.insert(at);
    }
    CHECK(hit.size() > 2);
}

template <class Stage>
void a_stale_read_shows_what_was_there_before(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    file.write(0, std::string(8192, 'o')).value();
    stage.inject({.kind = fault_kind::stale_read});
    file.write(0, std::string(8192, 'n')).value();
    const std::string stale = contents_of(file);
    CHECK(stale.size() == 8192);
    const std::size_t begin = stale.find('o');
    REQUIRE(begin != stale.npos);
    CHECK(begin % 512 == 0);
    CHECK(contents_of(file) == std::string(8192, 'n'));
}

template <class Stage>
void a_lying_sync_says_yes(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.kind = fault_kind::lying_sync, .count = 2});
    file.write(0, "here").value();
    file.sync().value();
    in.sync().value();
    CHECK(contents_of(file) == "here");
    CHECK(stage.struck(fault_kind::lying_sync) == 2);
}

template <class Stage>
void a_failed_sync_may_take_back_what_it_had_to_sync(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    file.write(0, "old and longer").value();
    file.sync().value();
    stage.inject({.on = io_kind::sync, .nth = 2, .after_sync = failed_sync::reverts});
    file.write(0, "new").value();
    file.sync().value();
    file.write(0, "newest").value();
    file.resize(8).value();
    file.write(20, "end").value();
    check_fails(file.sync(), error_code::io);
    CHECK(contents_of(file) == "new and longer");
    file.sync().value();
    CHECK(contents_of(file) == "new and longer");
}

template <class Stage>
void a_foreign_file_is_opened_for_ones_own(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    std::set<std::size_t> sizes;
    for (int i = 0; i < 30; ++i) {
        put(in, "x", "ours");
        stage.inject({.kind = fault_kind::foreign_file});
        auto file = in.open("x", file_mode::write).value();
        const std::string theirs = contents_of(file);
        CHECK(theirs != "ours");
        CHECK(get(in, "x") == theirs);
        sizes.insert(theirs.size());
    }
    CHECK(sizes.size() > 5);
    stage.inject({.kind = fault_kind::foreign_file});
    CHECK(in.open("none", file_mode::create).value().size().value() == 0);
}

template <class Stage>
void directories_fail_like_files(Stage& stage) {
    auto& platform = stage.platform;
    stage.inject({.on = descriptor_io, .count = 3});
    check_fails(platform.open_directory(stage.root, directory_mode::create), error_code::io);
    check_fails(platform.open_directory(stage.root, directory_mode::create), error_code::io);
    check_fails(platform.open_directory(stage.root, directory_mode::create), error_code::io);
    auto in = made_directory(platform, stage.root);
    put(in, "x", "here");
    stage.inject({.on = io_kind::lock, .code = error_code::locked});
    check_fails(in.lock(), error_code::locked);
    in.lock().value();
    stage.inject({.on = descriptor_io, .count = 2});
    check_fails(in.open("x", file_mode::read), error_code::io);
    check_fails(in.list(), error_code::io);
    for (const io_kind kind :
         {io_kind::exists, io_kind::remove, io_kind::rename, io_kind::sync_directory})
        stage.inject({.on = kind});
    check_fails(in.exists("x"), error_code::io);
    check_fails(in.remove("x"), error_code::io);
    check_fails(in.rename("x", "y"), error_code::io);
    check_fails(in.sync(), error_code::io);
    CHECK(get(in, "x") == "here");
}

template <class Stage>
void a_rename_that_fails_halfway_has_happened_or_not(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    int happened = 0;
    for (int i = 0; i < 40; ++i) {
        put(in, "from", "here");
        stage.inject({.kind = fault_kind::fail_halfway, .on = io_kind::rename});
        check_fails(in.rename("from", "to"), error_code::io);
        const bool moved = in.exists("to").value();
        CHECK(in.exists("from").value() != moved);
        CHECK(get(in, moved ? "to" : "from") == "here");
        happened += moved ? 1 : 0;
        (void)in.remove("to");
    }
    CHECK(happened > 5);
    CHECK(happened < 35);
}

template <class Stage>
void a_lock_that_fails_holds_nothing(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    for (int i = 0; i < 20; ++i) {
        stage.inject({.kind = fault_kind::fail_halfway, .on = io_kind::lock});
        check_fails(in.lock(), error_code::io);
        CHECK(made_directory(stage.platform, stage.root).lock());
    }
    CHECK(in.lock());
}

template <class Stage>
void slow_io_takes_long_and_comes_on_top_of_another_fault(Stage& stage) {
    auto in = made_directory(stage.platform, stage.root);
    auto file = in.open("x", file_mode::create).value();
    stage.inject({.on = io_kind::write});
    stage.inject({.kind = fault_kind::slow, .on = io_kind::write, .count = 2});
    nanoseconds before = stage.platform.now();
    check_fails(file.write(0, "x"), error_code::io);
    CHECK((stage.platform.now() - before).count > milliseconds(4).count);
    before = stage.platform.now();
    file.write(0, "x").value();
    CHECK((stage.platform.now() - before).count > milliseconds(4).count);
}

// Calls use(name, promise) for each of them.
template <class Stage, class Use>
void for_each_fault_promise(Use use) {
#define MANTIS_PROMISE(name) use(#name, name<Stage>)
    MANTIS_PROMISE(a_fault_strikes_the_nth_of_its_kind_as_often_as_planned);
    MANTIS_PROMISE(a_fault_for_ever_ends_only_when_it_is_taken_back);
    MANTIS_PROMISE(a_rate_strikes_about_that_often);
    MANTIS_PROMISE(one_bad_sector_fails_what_touches_it);
    MANTIS_PROMISE(a_path_part_spares_other_files);
    MANTIS_PROMISE(a_write_that_fails_halfway_leaves_a_beginning);
    MANTIS_PROMISE(space_may_be_reserved_in_part_when_it_is_refused);
    MANTIS_PROMISE(short_transfers_add_up);
    MANTIS_PROMISE(a_flip_on_read_is_gone_at_the_next_read);
    MANTIS_PROMISE(a_flip_at_rest_stays);
    MANTIS_PROMISE(a_lost_write_changes_nothing);
    MANTIS_PROMISE(a_misdirected_write_hits_another_sector);
    MANTIS_PROMISE(a_stale_read_shows_what_was_there_before);
    MANTIS_PROMISE(a_lying_sync_says_yes);
    MANTIS_PROMISE(a_failed_sync_may_take_back_what_it_had_to_sync);
    MANTIS_PROMISE(a_foreign_file_is_opened_for_ones_own);
    MANTIS_PROMISE(directories_fail_like_files);
    MANTIS_PROMISE(a_rename_that_fails_halfway_has_happened_or_not);
    MANTIS_PROMISE(a_lock_that_fails_holds_nothing);
    MANTIS_PROMISE(slow_io_takes_long_and_comes_on_top_of_another_fault);
#undef MANTIS_PROMISE
}

}  // namespace platform_test
