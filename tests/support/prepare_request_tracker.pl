# Makes what the bot needs in a fresh Request Tracker: queues, a user with three rights in them and a token.
# Prints that token, and one of the superuser.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT -init;

my $system = RT->SystemUser;

sub must {
    my ($done, $message, @more) = @_;
    die "$message\n" unless $done;
    return $more[0];
}

my $bot = RT::User->new($system);
must($bot->Create(Name => 'triage-bot', EmailAddress => 'triage-bot@help.example', Privileged => 1));
for my $name (qw(Billing payments)) {
    my $queue = RT::Queue->new($system);
    must($queue->Create(Name => $name));
    must($bot->PrincipalObj->GrantRight(Right => $_, Object => $queue)) for qw(SeeQueue ShowTicket CreateTicket);
}
my $root = RT::User->new($system);
$root->Load('root');
for my $owner ($bot, $root) {
    my $token = RT::AuthToken->new($system);
    print must($token->Create(Owner => $owner->Id, Description => 'delivery of tickets')), "\n";
}
