// SPDX-License-Identifier: BSL-1.0
//
// The outside world as one policy: files, clocks, threads, locks and randomness.
//
// Every other header reaches the machine only through a platform, so that the templates that ship
// are the ones that run in the simulator. Three come with mantis: posix (the real thing at no
// cost), memory (files that live in RAM, real threads) and simulated (everything virtual and
// replayable from a seed). A platform of your own is checked the same way:
//
//   static_assert(mantis::platform<my_platform>);
//
// Concept platform, for a cheap copyable handle `p` of type P:
//   expression                    returns               meaning
//   P::name                       const char*           for messages
//   p.open_directory(path, mode)  result<P::directory>  errors: not_found, invalid_argument, io
//   p.now()                       nanoseconds           a clock that never goes back; its zero
//                                                       means nothing
//   p.wall_time()                 nanoseconds           since 1970, as far as the machine knows
//   p.random()                    std::uint64_t         nobody can guess it (simulated: by the
//                                                       seed)
//   p.sleep(length)               void                  returns no sooner than `length` from now
//   P::directory, P::file                               see the concepts directory and block_file
//   P::mutex, P::condition                              see latch and wait_condition
//   P::thread{callable}                                 move-only; join(), joinable(); joined
//                                                       before it is destroyed
//   P::template atomic<T>                               the members of std::atomic<T>
//   P::template atomic_ref<T>                           load, store, exchange, fetch_add and
//                                                       compare_exchange_strong of
//                                                       std::atomic_ref<T>, for a T that is not
//                                                       const
//   P::memory_order                                     the orders of those: relaxed, acquire,
//                                                       release, acq_rel and seq_cst
//   P::parking                                          see parking_place
//   P::use_large_pages(at, size)  void                  optional: advice that this memory, aligned
//                                                       to 2 MiB, is read all over at random. It
//                                                       stays what it is
//
// Concept directory, for `d` of type D (move-only). A name is one path component; LOCK is kept for
// the lock, and a name that cannot be one is an invalid_argument:
//   expression          returns                     meaning, and errors besides io
//   d.path()            bytes_view                  as it was opened
//   d.lock()            result<void>                exclusive until d is destroyed; locked (number
//                                                   "pid") while another object or process has it.
//                                                   After an error d holds nothing
//   d.open(name, mode)  result<file>                by file_mode, below; not_found, already_exists,
//                                                   no_space
//   d.exists(name)      result<bool>                there is a file of that name
//   d.list()            result<std::vector<bytes>>  names of the regular files but LOCK, in order
//   d.remove(name)      result<void>                open files stay usable; not_found
//   d.rename(from, to)  result<void>                replaces `to` in one step; not_found
//   d.sync()            result<void>                names made, renamed and removed survive a power
//                                                   failure
//   d.free_bytes()      result<std::uint64_t>       what this process may still write to its disk,
//                                                   as far as the system knows: others write too,
//                                                   and a quota may be lower. no_space_limit: no
//                                                   end known
//
// Concept block_file, for `f` of type F (move-only):
//   expression                   returns                meaning, and errors besides io
//   f.path()                     bytes_view             directory and name
//   f.read(offset, into, count)  result<std::size_t>    less than count only at the file's end
//   f.write(offset, bytes)       result<void>           all of it; past the end extends the file;
//                                                       no_space
//   f.sync()                     result<void>           data and size survive a power failure
//   f.size()                     result<std::uint64_t>  in bytes
//   f.resize(size)               result<void>           cuts, or extends with zeros; no_space
//   f.preallocate(size)          result<void>           at least `size` long, the space really
//                                                       reserved, new bytes zero; no_space leaves
//                                                       the file as before
//
// Concept mappable_file, for a block_file that can be written without a call of the system, too:
//   expression                   returns                meaning
//   f.map(size)                  mapping (movable)      of the bytes before `size`, all of them
//                                                       preallocated. Used while f is open, by one
//                                                       thread at a time
//   mapping.write(offset, bytes) bool                   true: as f.write() that succeeded. false:
//                                                       any part of it may be there; f.write() does
//                                                       all of it, or says why not
//
// Errors name the file and carry `errno`, and `offset` where there is one. Signals and short
// transfers are handled inside.
//
// Threads: a directory or file may be used by any number at once; move and destroy it alone.
#pragma once

#include "../core/result.hpp"
#include "../core/units.hpp"
#include "thread_name.hpp"

#include <vector>

namespace mantis {

inline constexpr std::uint64_t no_space_limit = ~std::uint64_t{0};

enum class file_mode : std::uint8_t {
    read,        // must exist; reading only
    write,       // must exist; reading and writing
    create,      // made when missing; reading and writing
    create_new,  // must not exist; reading and writing
};

enum class directory_mode : std::uint8_t {
    existing,  // must exist
    create,    // made when missing, with its parents, and made to survive a power failure
};

template <class F>
concept block_file = std::movable<F> &&
    requires(F& file, std::uint64_t at, std::byte* into, std::size_t count, bytes_view from) {
    { file.path() } -> std::same_as<bytes_view>;
    { file.read(at, into, count) } -> std::same_as<result<std::size_t>>;
    { file.write(at, from) } -> std::same_as<result<void>>;
    { file.sync() } -> std::same_as<result<void>>;
    { file.size() } -> std::same_as<result<std::uint64_t>>;
    { file.resize(at) } -> std::same_as<result<void>>;
    { file.preallocate(at) } -> std::same_as<result<void>>;
};

template <class F>
concept mappable_file = block_file<F> && requires(F& file, std::uint64_t size, bytes_view from) {
    requires std::movable<decltype(file.map(size))>;
    { file.map(size).write(size, from) } -> std::same_as<bool>;
};

template <class D>
concept directory = std::movable<D> && requires(D& entries, bytes_view name, file_mode mode) {
    { entries.path() } -> std::same_as<bytes_view>;
    { entries.lock() } -> std::same_as<result<void>>;
    requires block_file<typename decltype(entries.open(name, mode))::value_type>;
    { entries.exists(name) } -> std::same_as<result<bool>>;
    { entries.list() } -> std::same_as<result<std::vector<bytes>>>;
    { entries.remove(name) } -> std::same_as<result<void>>;
    { entries.rename(name, name) } -> std::same_as<result<void>>;
    { entries.sync() } -> std::same_as<result<void>>;
    { entries.free_bytes() } -> std::same_as<result<std::uint64_t>>;
};

// A mutual exclusion for short sections; not recursive.
//   expression      returns  meaning
//   m.lock()        void     waits until it is free
//   m.try_lock()    bool     false when it is not free
//   m.unlock()      void     by the thread that holds it
template <class M>
concept latch = requires(M& mutex) {
    mutex.lock();
    mutex.unlock();
    { mutex.try_lock() } -> std::same_as<bool>;
};

// What a thread waits on while it lets go of a latch. Wake-ups without a cause are allowed.
//   expression             returns  meaning
//   c.wait(m)              void     the caller holds m; it is free while waiting and held on return
//   c.wait_for(m, length)  bool     false: the time was up
//   c.notify_one()         void     wakes one waiter, if any
//   c.notify_all()         void     wakes all
template <class C, class M>
concept wait_condition = requires(C& condition, M& mutex, nanoseconds length) {
    condition.wait(mutex);
    { condition.wait_for(mutex, length) } -> std::same_as<bool>;
    condition.notify_one();
    condition.notify_all();
};

template <class T>
concept joinable_thread = std::movable<T> && std::constructible_from<T, void (*)()> &&
    requires(T& thread) {
    thread.join();
    { thread.joinable() } -> std::same_as<bool>;
};

// Where threads wait for a word to change, of which locks of a few bytes are made; and what else
// such a lock asks about the thread that uses it. All of it is static, so that a lock keeps no
// handle.
//   expression               returns        meaning
//   K::word                                 the platform's atomic<std::uint32_t>
//   K::now()                 nanoseconds    the clock of deadlines: the platform's now()
//   K::never                 nanoseconds    the deadline of a wait without one
//   K::wait(w, seen, until)  bool           returns at once when w is not `seen`, else when woken,
//                                           for no reason, or at `until`, and only then false
//   K::wake(w, most)         void           wakes up to `most` of those that wait for w
//   K::relax()               void           in a loop that spins
//   K::yield()               void           in a loop that waits for threads that may not be
//                                           running
//   K::spins                 unsigned       how often to look before a wait; 0 where that is idle
//   K::shards                unsigned       into how many parts a table of the whole process is
//                                           split; 1 where runs are replayed, for the part may
//                                           depend on addresses
//   K::common<T>()           T&             the only T of the process, made when first asked for
//   K::own<T>()              T&             the only T of this thread, made when first asked for
//   K::thread_number()       std::uint32_t  the lowest number that no other living thread had when
//                                           this one first asked
//   K::name_thread(name)     void           names this thread, for reports and debuggers
//   K::this_thread_name()    thread_name
template <class K>
concept parking_place = requires(typename K::word& word, std::uint32_t seen, nanoseconds until,
                                 const char* name) {
    { K::now() } -> std::same_as<nanoseconds>;
    { K::never } -> std::convertible_to<nanoseconds>;
    { K::wait(word, seen, until) } -> std::same_as<bool>;
    K::wake(word, seen);
    K::relax();
    K::yield();
    { K::spins } -> std::convertible_to<unsigned>;
    { K::shards } -> std::convertible_to<unsigned>;
    { K::template common<int>() } -> std::same_as<int&>;
    { K::template own<int>() } -> std::same_as<int&>;
    { K::thread_number() } -> std::same_as<std::uint32_t>;
    K::name_thread(name);
    { K::this_thread_name() } -> std::same_as<thread_name>;
};

template <class P>
concept platform = std::copyable<P> && directory<typename P::directory> &&
    block_file<typename P::file> && latch<typename P::mutex> &&
    wait_condition<typename P::condition, typename P::mutex> &&
    joinable_thread<typename P::thread> && parking_place<typename P::parking> &&
    requires(P& world, bytes_view path, directory_mode mode, nanoseconds length) {
    typename P::template atomic<std::uint32_t>;
    typename P::template atomic<std::uint64_t>;
    typename P::template atomic_ref<std::uint8_t>;
    typename P::template atomic_ref<std::uint64_t>;
    P::memory_order::relaxed, P::memory_order::acquire, P::memory_order::release;
    P::memory_order::acq_rel, P::memory_order::seq_cst;
    { P::name } -> std::convertible_to<const char*>;
    { world.open_directory(path, mode) } -> std::same_as<result<typename P::directory>>;
    { world.now() } -> std::same_as<nanoseconds>;
    { world.wall_time() } -> std::same_as<nanoseconds>;
    { world.random() } -> std::same_as<std::uint64_t>;
    world.sleep(length);
};

}  // namespace mantis
