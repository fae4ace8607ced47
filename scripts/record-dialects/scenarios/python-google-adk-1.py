"""Google's Agent Development Kit."""

from python_google_adk import main

main()
