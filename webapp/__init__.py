"""Django API of Firstbell: accounts, lessons, media, teaching sessions, health."""
