using Microsoft.Extensions.Configuration;
using RftService.Migrations;

// Applies all migrations and exits. Settings by environment or command line:
//   ConnectionStrings__Rft     the database; it is made when it does not exist
//   Rft__BootstrapKeyFile      a file that gets the first administrator's key (made once, mode 0600)
var configuration = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(args).Build();
if (configuration.GetConnectionString("Rft") is not { Length: > 0 } connectionString)
{
    await Console.Error.WriteLineAsync("Set ConnectionStrings__Rft, as 'Host=localhost;Database=rft;Username=rft;Password=...'.");
    return 2;
}

var pending = await DatabaseUpgrade.ApplyAsync(connectionString, CancellationToken.None);
Console.WriteLine(pending.Count == 0 ? "The database is up to date." : $"Applied: {string.Join(", ", pending)}");

if (configuration["Rft:BootstrapKeyFile"] is { Length: > 0 } keyFile)
{
    var made = await BootstrapKey.EnsureAsync(connectionString, keyFile, TimeProvider.System, CancellationToken.None);
    Console.WriteLine(made ? $"The first administrator's key lies in {keyFile}." : $"{keyFile} holds a working key.");
}

return 0;
