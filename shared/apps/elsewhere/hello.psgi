# PSGI, Perl's contract. A server that knows it: plackup hello.psgi
my $app = sub {
    my $env = shift;
    return [200, ['Content-Type' => 'text/plain'], ["Hello from $env->{PATH_INFO}!\n"]];
};
