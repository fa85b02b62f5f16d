from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(INSTALLED_APPS=["reports"])
execute_from_command_line()
