from localhosts.cli import main

main(prog_name="hosts")
