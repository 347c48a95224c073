# As a tenant: copy the listening socket out of one's own PHP and shut it down, at once, or when the file
# FLAG.go is there if a FLAG is given.
use strict;
use warnings;
use Socket;

my ($path, $flag) = @ARGV;
my $copy;
for my $dir (glob '/proc/[0-9]*') {
    my ($pid) = $dir =~ /(\d+)$/;
    next if $pid == $$ || (stat $dir)[4] != $<;
    my $handle = syscall(434, $pid, 0);    # pidfd_open
    next if $handle < 0;
    for my $number (0 .. 63) {
        my $taken = syscall(438, $handle, $number, 0);    # pidfd_getfd
        next if $taken < 0;
        open(my $socket, '+<&=', $taken) or next;
        my $listens = getsockopt($socket, SOL_SOCKET, SO_ACCEPTCONN) or next;
        my $name = getsockname($socket) or next;
        next unless unpack('i', $listens) && sockaddr_family($name) == AF_UNIX;
        next unless unpack_sockaddr_un($name) =~ /^\Q$path\E/;
        $copy = $socket;
    }
}
die "no listener at $path in any process of mine\n" unless $copy;
if ($flag) {
    open my $holding, '>', "$flag.holding" or die "$flag.holding: $!\n";
    sleep 1 until -e "$flag.go";
}
shutdown($copy, 2) or die "shutdown: $!\n";
print "shut down\n";
